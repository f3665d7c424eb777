#include "base/tsc.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace pssst::base {
namespace {

TEST(Tsc, RateMatchesTheSteadyClock) {
  using Clock = std::chrono::steady_clock;
  const auto rate = static_cast<double>(tsc_hz());
  // An interruption between two reads spoils a window: the best of several counts.
  double error = 1;
  for (int window = 0; window < 5; ++window) {
    const auto start = Clock::now();
    const std::uint64_t start_tsc = read_tsc();
    while (Clock::now() - start < std::chrono::milliseconds(10)) {
    }
    const std::chrono::duration<double> seconds = Clock::now() - start;
    const auto ticks = static_cast<double>(read_tsc() - start_tsc);
    error = std::min(error, std::abs(ticks / rate / seconds.count() - 1));
  }
  EXPECT_LT(error, 0.02);
}

TEST(Tsc, RateIsMeasuredOnce) {
  EXPECT_EQ(tsc_hz(), tsc_hz());
}

}  // namespace
}  // namespace pssst::base
