/// Later replies on their way from the threads that made them to the worker that awaits them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/secret_memory.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/wire.hpp"

namespace pssst::server {

struct Answer {
  std::uint64_t token = 0;
  std::size_t handler = 0;  ///< the place of the AttachedHandler that answers
  /// kNone: there is a reply, or none as has_reply says. Else why the request gets no answer.
  DropReason drop = DropReason::kNone;
  bool has_reply = false;
  std::span<const std::uint8_t> reply{};
};

/// A worker's own: a ring in secret memory. Any thread puts, without a lock and without waiting for
/// another; the worker alone takes, by loads and stores. A thread that is interrupted between the
/// two stores of put() holds up those behind it until it goes on, and never the worker.
///
/// Each slot says whose turn it is: `turn` is p where position p may be put, p + 1 where it may be
/// taken, and p + kSlots once it has been.
class AnswerQueue {
 public:
  static constexpr std::size_t kSlots = 256;

  AnswerQueue() : slots_(base::make_secret<Slots>()) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      (*slots_)[i].turn.store(i, std::memory_order_relaxed);
    }
  }

  enum class Put : std::uint8_t { kDone, kFull, kClosed };
  /// Copies the reply, which has kReplySizeMax bytes at most.
  [[nodiscard]] Put put(const Answer& answer) noexcept {
    if (closed_.load(std::memory_order_acquire)) return Put::kClosed;
    std::uint64_t position = next_put_.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint64_t turn = slot(position).turn.load(std::memory_order_acquire);
      if (turn < position) return Put::kFull;
      if (turn > position) {
        position = next_put_.load(std::memory_order_relaxed);
      } else if (next_put_.compare_exchange_weak(position, position + 1,
                                                 std::memory_order_relaxed)) {
        break;
      }
    }
    Slot& slot = this->slot(position);
    slot.token = answer.token;
    slot.handler = answer.handler;
    slot.drop = answer.drop;
    slot.has_reply = answer.has_reply;
    slot.size = std::min(answer.reply.size(), slot.bytes.size());
    if (slot.size > 0) std::memcpy(slot.bytes.data(), answer.reply.data(), slot.size);
    slot.turn.store(position + 1, std::memory_order_release);
    return Put::kDone;
  }

  /// The worker's: the oldest answer, whose reply stays until pop(); or none.
  [[nodiscard]] std::optional<Answer> front() const noexcept {
    const Slot& slot = (*slots_)[next_taken_ % kSlots];
    if (slot.turn.load(std::memory_order_acquire) != next_taken_ + 1) return std::nullopt;
    return Answer{.token = slot.token,
                  .handler = slot.handler,
                  .drop = slot.drop,
                  .has_reply = slot.has_reply,
                  .reply = std::span(slot.bytes).first(slot.size)};
  }
  /// The worker's: forgets, and wipes, what front() gave.
  void pop() noexcept {
    Slot& slot = this->slot(next_taken_);
    base::wipe(slot.bytes.data(), slot.size);
    slot.turn.store(next_taken_ + kSlots, std::memory_order_release);
    ++next_taken_;
  }
  /// Nobody takes any more.
  void close() noexcept { closed_.store(true, std::memory_order_release); }

 private:
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> turn{0};
    std::uint64_t token = 0;
    std::size_t handler = 0;
    std::size_t size = 0;
    DropReason drop = DropReason::kNone;
    bool has_reply = false;
    std::array<std::uint8_t, kReplySizeMax> bytes{};
  };
  using Slots = std::array<Slot, kSlots>;
  static_assert((kSlots & (kSlots - 1)) == 0);

  [[nodiscard]] Slot& slot(std::uint64_t position) noexcept { return (*slots_)[position % kSlots]; }

  const base::SecretPointer<Slots> slots_;
  alignas(64) std::atomic<std::uint64_t> next_put_{0};
  std::atomic<bool> closed_{false};
  alignas(64) std::uint64_t next_taken_ = 0;  ///< the worker's
};

}  // namespace pssst::server
