#include "base/counter.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace pssst::base {
namespace {

TEST(Counter, AddsAndSets) {
  Counter counter;
  EXPECT_EQ(counter.read(), 0u);
  counter.add(3);
  counter.add(4);
  EXPECT_EQ(counter.read(), 7u);
  counter.set(1);
  EXPECT_EQ(counter.read(), 1u);
}

TEST(Counter, ReaderSeesItGrowAndTheWholeSum) {
  constexpr std::uint64_t kSteps = 200'000;
  Counter counter;
  std::thread writer([&counter] {
    for (std::uint64_t i = 0; i < kSteps; ++i) counter.add(2);
  });
  std::uint64_t last = 0;
  while (last < 2 * kSteps) {
    const std::uint64_t now = counter.read();
    ASSERT_GE(now, last);
    ASSERT_EQ(now % 2, 0u);
    last = now;
  }
  writer.join();
  EXPECT_EQ(counter.read(), 2 * kSteps);
}

TEST(DropCounters, KeepEachReasonApart) {
  DropCounters counters;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    counters.add(static_cast<DropReason>(i), i + 1);
  }
  counters.add(DropReason::kTag);
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    EXPECT_EQ(counters.read(reason), i + 1 + (reason == DropReason::kTag ? 1 : 0))
        << to_string(reason);
  }
}

}  // namespace
}  // namespace pssst::base
