/// A handler library that answers each message with itself: at once, or, where LATER is defined,
/// from a thread that looks for messages and sleeps when there are none.
#include <cstdint>

#include "pssst/handler_library.hpp"
#ifdef LATER
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>
#endif

namespace {

namespace library = pssst::library;

constexpr std::uint32_t kMessageSizeMax = 1420;

#ifdef LATER

/// From one worker to the thread: each writes only its own end.
struct Lane {
  struct Entry {
    std::uint64_t token;
    std::size_t size;
    std::array<std::uint8_t, kMessageSizeMax> bytes;
  };
  std::array<Entry, 1024> entries;
  alignas(64) std::atomic<std::size_t> begin{0};
  alignas(64) std::atomic<std::size_t> end{0};
};

class Echo {
 public:
  static constexpr library::Traits kTraits{.name = "echo_later",
                                           .flags = library::kPure | library::kAnswersLater,
                                           .reply_size_max = kMessageSizeMax};

  explicit Echo(const library::Server& server) : server_(server) {
    for (std::uint32_t i = 0; i < server.workers(); ++i) lanes_.push_back(std::make_unique<Lane>());
    thread_ = std::thread([this] { run(); });
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  ~Echo() {
    stop_ = true;
    thread_.join();
  }

  struct Worker {
    Worker(Echo& handler, std::uint32_t worker) : lane(*handler.lanes_[worker]) {}
    Lane& lane;
  };

  static void handle(library::Message& message, Worker& worker) noexcept {
    Lane& lane = worker.lane;
    const std::size_t end = lane.end.load(std::memory_order_relaxed);
    if (end - lane.begin.load(std::memory_order_acquire) == lane.entries.size()) return;
    Lane::Entry& entry = lane.entries[end % lane.entries.size()];
    const auto bytes = message.bytes();
    if (bytes.size() > entry.bytes.size()) return;
    if (!bytes.empty()) std::memcpy(entry.bytes.data(), bytes.data(), bytes.size());
    entry.size = bytes.size();
    entry.token = message.later();
    lane.end.store(end + 1, std::memory_order_release);
  }

 private:
  void run() {
    while (!stop_) {
      bool any = false;
      for (const auto& lane : lanes_) any = answer(*lane) || any;
      if (!any) std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
  bool answer(Lane& lane) const {
    const std::size_t end = lane.end.load(std::memory_order_acquire);
    std::size_t begin = lane.begin.load(std::memory_order_relaxed);
    if (begin == end) return false;
    for (; begin != end; ++begin) {
      const Lane::Entry& entry = lane.entries[begin % lane.entries.size()];
      const std::span reply(entry.bytes.data(), entry.size);
      while (server_.answer(entry.token, reply) == PSSST_BUSY && !stop_) std::this_thread::yield();
    }
    lane.begin.store(begin, std::memory_order_release);
    return true;
  }

  const library::Server server_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

#else

class Echo {
 public:
  static constexpr library::Traits kTraits{
      .name = "echo_at_once", .flags = library::kPure, .reply_size_max = kMessageSizeMax};

  explicit Echo(const library::Server&) {}
  static void handle(library::Message& message) noexcept { message.reply(message.bytes()); }
};

#endif

}  // namespace

PSSST_LIBRARY_HANDLER(Echo)
