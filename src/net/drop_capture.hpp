/// Copies of chosen drops on their way to a file: a worker's part of it.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

#include "net/frame_ring.hpp"
#include "pssst/drop_reason.hpp"

namespace pssst::net {

using DropReasons = std::bitset<kDropReasonCount>;

/// Who drops, offers; another thread takes from the ring. Offering never waits: what comes faster
/// than the rate, or than the ring is emptied, is not kept.
class DropCapture {
 public:
  /// `rate`: frames a second at most, averaged over a second. `capacity`: of the ring.
  DropCapture(const DropReasons& reasons, unsigned rate, std::size_t capacity);

  [[nodiscard]] bool wants(DropReason reason) const noexcept {
    return reasons_[static_cast<std::size_t>(reason)];
  }
  /// Keeps a copy of a frame that was dropped for a wanted reason; false if not.
  bool offer(std::span<const std::uint8_t> frame, const FrameNote& note) noexcept;

  [[nodiscard]] FrameRing& ring() noexcept { return ring_; }

 private:
  const DropReasons reasons_;
  const std::uint64_t ticks_per_frame_;
  const std::uint64_t ticks_max_;
  std::uint64_t ticks_ = 0;  ///< saved up
  std::uint64_t last_tsc_ = 0;
  FrameRing ring_;
};

}  // namespace pssst::net
