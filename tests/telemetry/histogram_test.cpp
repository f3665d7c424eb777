#include "telemetry/histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace pssst::telemetry {
namespace {

TEST(Histogram, BoundsRiseAndFollowTheClock) {
  const DurationBounds slow = duration_bounds(1'000'000'000);
  const DurationBounds fast = duration_bounds(3'000'000'000);
  for (std::size_t i = 0; i < slow.size(); ++i) {
    EXPECT_EQ(slow.at(i), kDurationBoundsNs.at(i));
    EXPECT_EQ(fast.at(i), 3 * kDurationBoundsNs.at(i));
    EXPECT_LT(i == 0 ? 0 : slow.at(i - 1), slow.at(i));
  }
}

TEST(Histogram, ABoundBelongsToItsBucket) {
  const DurationBounds bounds = duration_bounds(1'000'000'000);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    Histogram histogram;
    histogram.add(bounds, bounds.at(i), 2);
    histogram.add(bounds, bounds.at(i) + 1, 3);
    EXPECT_EQ(histogram.read_bucket(i), 2U) << i;
    EXPECT_EQ(histogram.read_bucket(i + 1), 3U) << i;
  }
}

TEST(Histogram, SumsTicksAndEvents) {
  const DurationBounds bounds = duration_bounds(1'000'000'000);
  Histogram histogram;
  histogram.add(bounds, 0);
  histogram.add(bounds, 1'500, 4);
  histogram.add(bounds, ~std::uint64_t{0} / 2);
  EXPECT_EQ(histogram.read_bucket(0), 1U);
  EXPECT_EQ(histogram.read_bucket(1), 4U);
  EXPECT_EQ(histogram.read_bucket(Histogram::kBuckets - 1), 1U);
  EXPECT_EQ(histogram.read_ticks(), 6'000 + ~std::uint64_t{0} / 2);
}

}  // namespace
}  // namespace pssst::telemetry
