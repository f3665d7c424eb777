#include "tools/load/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

namespace pssst::tools::load {
namespace {

TEST(Histogram, BinsFollowEachOtherWithoutGaps) {
  EXPECT_EQ(histogram_bin(0), 0u);
  for (std::size_t bin = 0; bin < kHistogramBins; ++bin) {
    const std::uint64_t top = histogram_bin_top(bin);
    ASSERT_EQ(histogram_bin(top), bin);
    if (bin + 1 < kHistogramBins) {
      ASSERT_EQ(histogram_bin(top + 1), bin + 1);
    }
    const std::uint64_t bottom = bin == 0 ? 0 : histogram_bin_top(bin - 1) + 1;
    ASSERT_LE(static_cast<double>(top - bottom), static_cast<double>(bottom) / 1024);
  }
  EXPECT_EQ(histogram_bin_top(kHistogramBins - 1), kHistogramValueMax);
  EXPECT_EQ(histogram_bin(UINT64_MAX), kHistogramBins - 1);
}

TEST(Histogram, HoldsNothingAtFirst) {
  const auto histogram = std::make_unique<Histogram>();
  const HistogramSnapshot snapshot = histogram->snapshot();
  EXPECT_EQ(snapshot.count(), 0u);
  EXPECT_EQ(snapshot.percentile(0.5), 0u);
  EXPECT_EQ(snapshot.min(), 0u);
  EXPECT_EQ(snapshot.max(), 0u);
  EXPECT_EQ(snapshot.mean(), 0.0);
}

TEST(Histogram, SmallValuesAreExact) {
  const auto histogram = std::make_unique<Histogram>();
  for (std::uint64_t value = 1; value <= 100; ++value) histogram->record(value);
  const HistogramSnapshot snapshot = histogram->snapshot();
  EXPECT_EQ(snapshot.count(), 100u);
  EXPECT_EQ(snapshot.percentile(0), 1u);
  EXPECT_EQ(snapshot.percentile(0.5), 50u);
  EXPECT_EQ(snapshot.percentile(0.501), 51u);
  EXPECT_EQ(snapshot.percentile(0.99), 99u);
  EXPECT_EQ(snapshot.percentile(0.999), 100u);
  EXPECT_EQ(snapshot.percentile(1), 100u);
  EXPECT_EQ(snapshot.min(), 1u);
  EXPECT_EQ(snapshot.max(), 100u);
  EXPECT_DOUBLE_EQ(snapshot.mean(), 50.5);
}

TEST(Histogram, PercentilesAreThoseOfTheSortedValues) {
  std::mt19937_64 generator(7);
  std::lognormal_distribution<double> latencies(12, 1.5);
  const auto histogram = std::make_unique<Histogram>();
  std::vector<std::uint64_t> values(20'000);
  for (std::uint64_t& value : values) {
    value = static_cast<std::uint64_t>(latencies(generator));
    histogram->record(value);
  }
  std::ranges::sort(values);
  const HistogramSnapshot snapshot = histogram->snapshot();
  for (const double share : {0.001, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 20'000));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto found = static_cast<double>(snapshot.percentile(share));
    EXPECT_GE(found, exact) << share;
    EXPECT_LE(found, exact * (1 + 1.0 / 1024) + 1) << share;
  }
  EXPECT_EQ(snapshot.max(), values.back());
  EXPECT_EQ(snapshot.percentile(1), values.back());
  EXPECT_EQ(snapshot.min(), values.front());
}

TEST(Histogram, SumsAndDifferences) {
  const auto first = std::make_unique<Histogram>();
  const auto second = std::make_unique<Histogram>();
  first->record(10);
  const HistogramSnapshot earlier = first->snapshot();
  first->record(1000);
  second->record(2'000'000);
  HistogramSnapshot sum = first->snapshot();
  sum += second->snapshot();
  EXPECT_EQ(sum.count(), 3u);
  EXPECT_EQ(sum.min(), 10u);
  EXPECT_EQ(sum.max(), 2'000'000u);
  EXPECT_DOUBLE_EQ(sum.mean(), (10 + 1000 + 2'000'000) / 3.0);
  const HistogramSnapshot step = first->snapshot().since(earlier);
  EXPECT_EQ(step.count(), 1u);
  EXPECT_EQ(step.percentile(0.5), 1000u);
  EXPECT_DOUBLE_EQ(step.mean(), 1000);
}

TEST(Histogram, WhatIsTooLargeCountsAsTheLargest) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(UINT64_MAX);
  EXPECT_EQ(histogram->snapshot().max(), kHistogramValueMax);
  EXPECT_EQ(histogram->snapshot().percentile(0.5), kHistogramValueMax);
}

}  // namespace
}  // namespace pssst::tools::load
