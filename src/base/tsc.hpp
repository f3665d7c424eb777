/// The time stamp counter: a clock for ratios and coarse deadlines, not the core clock.
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace pssst::base {

[[nodiscard]] inline std::uint64_t read_tsc() noexcept {
  return __rdtsc();
}

/// TSC ticks per second, measured once against CLOCK_MONOTONIC (about 10 ms at the first call).
[[nodiscard]] std::uint64_t tsc_hz() noexcept;

}  // namespace pssst::base
