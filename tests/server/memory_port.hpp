/// A port whose network is memory: prepared datagrams in, replies collected.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "base/assert.hpp"
#include "net/datagram.hpp"
#include "net/port.hpp"

namespace pssst::server {

/// Allocates when made and when a datagram is put in, never when a worker calls it.
class MemoryPort {
 public:
  using Source = std::array<std::uint8_t, 16>;
  static constexpr std::size_t kDatagrams = 8192;  ///< that may be put in, over all its life
  static constexpr std::size_t kSpace = 2048;      ///< bytes of each

  /// A reply that was sent; `request` is the number that put() gave.
  struct Sent {
    std::size_t request = 0;
    std::uint16_t udp_port = 0;
    Source to{};
    std::size_t size = 0;
    std::array<std::uint8_t, kSpace> bytes{};

    [[nodiscard]] std::span<const std::uint8_t> datagram() const {
      return std::span(bytes).first(size);
    }
  };

  explicit MemoryPort(std::size_t capacity = 1024) : capacity_(capacity) {
    waiting_.reserve(kDatagrams);
    given_back_.reserve(kDatagrams);
    sent_.reserve(kDatagrams);
  }

  static constexpr Source source(std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, 1};
  }

  /// A datagram arrives. Returns its number.
  std::size_t put(std::span<const std::uint8_t> datagram, std::uint16_t udp_port,
                  const Source& from = source(192, 0, 2)) {
    PSSST_ASSERT(datagram.size() <= kSpace && waiting_.size() < kDatagrams);
    Arrived arrived{.udp_port = udp_port, .from = from, .size = datagram.size()};
    std::copy(datagram.begin(), datagram.end(), arrived.bytes.begin());
    waiting_.push_back(arrived);
    given_back_.push_back(false);
    return waiting_.size() - 1;
  }

  /// Of the replies of each transmit(), those for which this says false are not sent; null: all
  /// are.
  std::function<bool(std::size_t request)> may_send;
  DropReason unsent = DropReason::kNone;  ///< why not, where the port knows
  /// Called by wait().
  std::function<void()> on_wait;

  [[nodiscard]] const std::vector<Sent>& sent() const noexcept { return sent_; }
  [[nodiscard]] const Sent* reply_to(std::size_t request) const noexcept {
    const auto found = std::find_if(sent_.begin(), sent_.end(),
                                    [=](const Sent& reply) { return reply.request == request; });
    return found == sent_.end() ? nullptr : &*found;
  }
  [[nodiscard]] std::size_t held() const noexcept { return held_; }
  [[nodiscard]] std::size_t held_max() const noexcept { return held_max_; }
  [[nodiscard]] std::size_t waits() const noexcept { return waits_; }
  [[nodiscard]] std::chrono::microseconds last_wait() const noexcept { return last_wait_; }

  // The concept.
  [[nodiscard]] std::size_t receive(std::span<net::Datagram> received) noexcept {
    std::size_t n = 0;
    for (; n < received.size() && next_ < waiting_.size(); ++n, ++next_) {
      const Arrived& arrived = waiting_[next_];
      received[n] = {.data = arrived.bytes.data(),
                     .size = static_cast<std::uint16_t>(arrived.size),
                     .udp_port = arrived.udp_port,
                     .source = arrived.from,
                     .handle = next_};
      counters_.bytes_in.add(arrived.size);
    }
    counters_.frames.add(n);
    counters_.datagrams.add(n);
    held_ += n;
    held_max_ = std::max(held_max_, held_);
    return n;
  }

  void transmit(std::span<net::Reply> replies) noexcept {
    for (net::Reply& reply : replies) {
      reply.sent = !may_send || may_send(reply.to.handle);
      if (!reply.sent && unsent != DropReason::kNone) reply.drop = unsent;
      if (reply.sent) {
        Sent& sent = sent_.emplace_back();
        sent.request = reply.to.handle;
        sent.udp_port = reply.to.udp_port;
        sent.to = reply.to.source;
        sent.size = reply.size;
        std::memcpy(sent.bytes.data(), reply.data, reply.size);
        counters_.bytes_out.add(reply.size);
      }
      release(reply.to);
    }
  }

  void release(const net::Datagram& datagram, DropReason = DropReason::kNone) noexcept {
    PSSST_ASSERT(datagram.handle < next_ && !given_back_[datagram.handle]);
    given_back_[datagram.handle] = true;
    --held_;
  }

  void wait(std::chrono::microseconds timeout) noexcept {
    ++waits_;
    last_wait_ = timeout;
    if (on_wait) on_wait();
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const net::PortCounters& counters() const noexcept { return counters_; }

 private:
  struct Arrived {
    std::uint16_t udp_port = 0;
    Source from{};
    std::size_t size = 0;
    std::array<std::uint8_t, kSpace> bytes{};
  };

  std::size_t capacity_;
  std::vector<Arrived> waiting_;
  std::size_t next_ = 0;
  std::vector<bool> given_back_;
  std::vector<Sent> sent_;
  std::size_t held_ = 0;
  std::size_t held_max_ = 0;
  std::size_t waits_ = 0;
  std::chrono::microseconds last_wait_{0};
  net::PortCounters counters_;
};

static_assert(net::Port<MemoryPort>);

}  // namespace pssst::server
