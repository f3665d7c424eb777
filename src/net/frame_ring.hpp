/// Frames on their way from one thread to another, copied: nobody waits, and no buffer changes
/// hands.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "pssst/drop_reason.hpp"

namespace pssst::net {

/// What is known of a frame besides its bytes.
struct FrameNote {
  std::uint64_t tsc = 0;     ///< when it came
  std::uint16_t device = 0;  ///< DPDK's port number
  DropReason drop = DropReason::kNone;
  bool is_of_kernel = false;
};

/// A ring of fixed size for one thread that pushes and one that takes out. All memory is allocated,
/// and touched, when it is made; neither side makes a system call or waits.
class FrameRing {
 public:
  /// Bytes of a frame that are kept: more than a tagged frame of the usual MTU has.
  static constexpr std::size_t kFrameRoom = 1536;

  struct Entry {
    FrameNote note;
    std::span<const std::uint8_t> frame;  ///< within the ring; its first kFrameRoom bytes
    std::size_t size = 0;                 ///< of the whole frame
  };

  /// `capacity`: a power of two.
  explicit FrameRing(std::size_t capacity);

  /// False, and nothing done, if the ring is full.
  bool push(std::span<const std::uint8_t> frame, const FrameNote& note) noexcept;

  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }
  /// The oldest; the ring is not empty. Good until pop().
  [[nodiscard]] Entry front() const noexcept;
  void pop() noexcept;

 private:
  struct Slot {
    FrameNote note;
    std::uint32_t size = 0;
    std::array<std::uint8_t, kFrameRoom> bytes{};
  };

  // Each counter has one writer and a cache line of its own; what both sides read stands apart.
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  // NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the padding keeps the writers apart
  alignas(64) const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;
};

}  // namespace pssst::net
