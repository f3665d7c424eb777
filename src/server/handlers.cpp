#include "server/handlers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstring>
#include <vector>

#include "pssst/wire.hpp"

namespace pssst::server {
namespace {

constexpr std::string_view kEcho = "echo";
constexpr std::string_view kDiscard = "discard";
constexpr std::string_view kAck = "ack";
constexpr std::string_view kTime = "time";
constexpr std::string_view kCount = "count";
constexpr std::array kHandlerNames{kEcho, kDiscard, kAck, kTime, kCount};

/// Says how long the reply is, and writes it if it fits.
void reply_with(HandlerMessage& message, std::span<const std::uint8_t> reply) noexcept {
  message.reply_size = reply.size();
  if (!reply.empty() && reply.size() <= message.reply_space.size()) {
    std::memcpy(message.reply_space.data(), reply.data(), reply.size());
  }
}

class Echo final : public Handler {
 public:
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    for (HandlerMessage& message : messages) reply_with(message, message.message);
  }

 private:
  HandlerTraits traits_{
      .name = kEcho, .reply_is_pure = true, .replies = true, .reply_size_max = kReplySizeMax};
};

class Discard final : public Handler {
 public:
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage>) const noexcept override {}

 private:
  HandlerTraits traits_{
      .name = kDiscard, .reply_is_pure = true, .replies = false, .reply_size_max = 0};
};

class Ack final : public Handler {
 public:
  explicit Ack(std::span<const std::uint8_t> reply)
      : reply_(reply.begin(), reply.end()),
        traits_{
            .name = kAck, .reply_is_pure = true, .replies = true, .reply_size_max = reply_.size()} {
  }
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    for (HandlerMessage& message : messages) reply_with(message, reply_);
  }

 private:
  std::vector<std::uint8_t> reply_;
  HandlerTraits traits_;
};

/// YYYY-MM-DDThh:mm:ss.uuuuuuZ (RFC 3339), without gmtime_r(3), which takes a lock.
class TimeText {
 public:
  explicit TimeText(std::chrono::system_clock::time_point now) noexcept {
    using namespace std::chrono;
    const auto micros = floor<microseconds>(now);
    const auto day = floor<days>(micros);
    const year_month_day date(day);
    const hh_mm_ss time(micros - day);
    put(static_cast<unsigned>(static_cast<int>(date.year())), 4, '-');
    put(static_cast<unsigned>(date.month()), 2, '-');
    put(static_cast<unsigned>(date.day()), 2, 'T');
    put(static_cast<unsigned>(time.hours().count()), 2, ':');
    put(static_cast<unsigned>(time.minutes().count()), 2, ':');
    put(static_cast<unsigned>(time.seconds().count()), 2, '.');
    put(static_cast<unsigned>(time.subseconds().count()), 6, 'Z');
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }

  static constexpr std::size_t kSize = 27;

 private:
  void put(unsigned value, std::size_t digits, char end) noexcept {
    for (std::size_t i = digits; i-- > 0; value /= 10) {
      bytes_.at(used_ + i) = static_cast<std::uint8_t>('0' + value % 10);
    }
    bytes_.at(used_ + digits) = static_cast<std::uint8_t>(end);
    used_ += digits + 1;
  }

  std::array<std::uint8_t, kSize> bytes_{};
  std::size_t used_ = 0;
};

class Time final : public Handler {
 public:
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    const TimeText text(std::chrono::system_clock::now());
    for (HandlerMessage& message : messages) reply_with(message, text.bytes());
  }

 private:
  HandlerTraits traits_{
      .name = kTime, .reply_is_pure = false, .replies = true, .reply_size_max = TimeText::kSize};
};

/// The one handler whose workers share something: that is what it counts.
class Count final : public Handler {
 public:
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    std::uint64_t number = answered_.fetch_add(messages.size(), std::memory_order_relaxed);
    for (HandlerMessage& message : messages) {
      std::array<char, kDigitsMax> text;
      const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), ++number);
      const auto size = static_cast<std::size_t>(end - text.data());
      reply_with(message, {reinterpret_cast<const std::uint8_t*>(text.data()), size});
    }
  }

 private:
  static constexpr std::size_t kDigitsMax = 20;  // of 2^64
  mutable std::atomic<std::uint64_t> answered_{0};
  HandlerTraits traits_{
      .name = kCount, .reply_is_pure = false, .replies = true, .reply_size_max = kDigitsMax};
};

}  // namespace

bool is_handler_name(std::string_view name) noexcept {
  return std::find(kHandlerNames.begin(), kHandlerNames.end(), name) != kHandlerNames.end();
}

std::string_view handler_names() noexcept {
  return "echo, discard, ack, time or count";
}

base::Result<std::unique_ptr<const Handler>> make_handler(std::string_view name,
                                                          std::span<const std::uint8_t> reply) {
  if (!is_handler_name(name)) {
    return base::fail("no such handler", std::string(name),
                      "choose " + std::string(handler_names()));
  }
  if (!reply.empty() && name != kAck) {
    return base::fail("takes no constant reply", "handler " + std::string(name), "use ack");
  }
  if (reply.size() > kReplySizeMax) {
    return base::fail("its constant reply has " + std::to_string(reply.size()) + " bytes",
                      "handler ack",
                      "a reply of " + std::to_string(kReplySizeMax) + " bytes is the longest");
  }
  if (name == kEcho) return std::make_unique<const Echo>();
  if (name == kDiscard) return std::make_unique<const Discard>();
  if (name == kTime) return std::make_unique<const Time>();
  if (name == kCount) return std::make_unique<const Count>();
  return std::make_unique<const Ack>(reply);
}

}  // namespace pssst::server
