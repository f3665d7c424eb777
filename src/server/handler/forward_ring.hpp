/// Requests on their way from one worker to the thread that forwards them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/secret_memory.hpp"
#include "pssst/handler.hpp"
#include "pssst/wire.hpp"
#include "server/handler/forward_frame.hpp"

namespace pssst::server {

/// A request as it is forwarded. Secret.
struct ForwardRequest {
  std::uint64_t token = 0;         ///< the worker's
  std::uint64_t deadline_tsc = 0;  ///< then nobody awaits it any more
  bool is_done = false;            ///< the taker's: it needs the request no more
  ForwardHeader header;
  std::size_t size = 0;
  std::array<std::uint8_t, kDatagramSizeMax> message{};
};

/// One thread puts, one takes; neither waits, and neither writes what the other does.
class ForwardRing {
 public:
  /// Room for at least `capacity` requests.
  explicit ForwardRing(std::size_t capacity)
      : size_(std::bit_ceil(capacity)), slots_(base::make_secret_array<ForwardRequest>(size_)) {}

  /// False: full. Copies the message.
  [[nodiscard]] bool put(const HandlerMessage& message, std::uint64_t deadline_tsc) noexcept {
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) == size_) return false;
    ForwardRequest& slot = slots_[end % size_];
    if (message.message.size() > slot.message.size()) return false;
    slot.token = message.token;
    slot.deadline_tsc = deadline_tsc;
    slot.is_done = false;
    slot.header.set(message.suite, message.client);
    slot.size = message.message.size();
    if (slot.size > 0) std::memcpy(slot.message.data(), message.message.data(), slot.size);
    end_.store(end + 1, std::memory_order_release);
    return true;
  }

  /// How many may be looked at by request(0) and on.
  [[nodiscard]] std::size_t waiting() const noexcept {
    return end_.load(std::memory_order_acquire) - begin_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] ForwardRequest& request(std::size_t i) noexcept {
    return slots_[(begin_.load(std::memory_order_relaxed) + i) % size_];
  }
  /// Wipes the first `n` and gives their places back.
  void pop(std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
      ForwardRequest& gone = request(i);
      base::wipe(gone.message.data(), gone.size);
      base::wipe(gone.header.bytes.data(), gone.header.size);
    }
    begin_.store(begin_.load(std::memory_order_relaxed) + n, std::memory_order_release);
  }

 private:
  const std::size_t size_;
  const base::SecretArray<ForwardRequest> slots_;
  alignas(64) std::atomic<std::uint64_t> begin_{0};  ///< the taker's
  alignas(64) std::atomic<std::uint64_t> end_{0};    ///< the putter's
};

}  // namespace pssst::server
