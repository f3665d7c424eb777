#include "net/drop_capture.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/tsc.hpp"

namespace pssst::net {

DropCapture::DropCapture(const DropReasons& reasons, unsigned rate, std::size_t capacity)
    : reasons_(reasons),
      ticks_per_frame_(base::tsc_hz() / std::max(rate, 1u)),
      ticks_max_(ticks_per_frame_ * std::max(rate, 1u)),
      ticks_(ticks_max_),
      ring_(capacity) {}

bool DropCapture::offer(std::span<const std::uint8_t> frame, const FrameNote& note) noexcept {
  PSSST_ASSERT(wants(note.drop));
  // The first one, and a counter that went back, find what was saved up at the start.
  const std::uint64_t passed = note.tsc > last_tsc_ ? note.tsc - last_tsc_ : 0;
  last_tsc_ = note.tsc;
  ticks_ = std::min(ticks_max_, ticks_ + std::min(passed, ticks_max_));
  if (ticks_ < ticks_per_frame_ || !ring_.push(frame, note)) return false;
  ticks_ -= ticks_per_frame_;
  return true;
}

}  // namespace pssst::net
