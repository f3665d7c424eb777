#include "net/frame_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace pssst::net {

FrameRing::FrameRing(std::size_t capacity)
    : mask_(capacity - 1), slots_(std::make_unique<Slot[]>(capacity)) {
  PSSST_ASSERT(std::has_single_bit(capacity));
}

bool FrameRing::push(std::span<const std::uint8_t> frame, const FrameNote& note) noexcept {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  if (tail - head_.load(std::memory_order_acquire) > mask_) return false;
  Slot& slot = slots_[tail & mask_];
  slot.note = note;
  slot.size = static_cast<std::uint32_t>(frame.size());
  const std::size_t kept = std::min(frame.size(), kFrameRoom);
  if (kept != 0) std::memcpy(slot.bytes.data(), frame.data(), kept);
  tail_.store(tail + 1, std::memory_order_release);
  return true;
}

FrameRing::Entry FrameRing::front() const noexcept {
  PSSST_ASSERT(!empty());
  const Slot& slot = slots_[head_.load(std::memory_order_relaxed) & mask_];
  const std::size_t kept = std::min<std::size_t>(slot.size, kFrameRoom);
  return {.note = slot.note, .frame = std::span(slot.bytes).first(kept), .size = slot.size};
}

void FrameRing::pop() noexcept {
  PSSST_ASSERT(!empty());
  head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace pssst::net
