#include "tools/load/schedule.hpp"

#include <gtest/gtest.h>

namespace pssst::tools::load {
namespace {

constexpr std::uint64_t kStart = 5'000'000'000'000;

TEST(Schedule, IsEvenAndDoesNotDrift) {
  const Schedule schedule(kStart, 300'000);
  EXPECT_EQ(schedule.due(0), kStart);
  EXPECT_EQ(schedule.due(3), kStart + 10'000);
  // After ten days.
  EXPECT_NEAR(static_cast<double>(schedule.due(300'000ULL * 864'000) - kStart), 864'000e9, 100);
}

TEST(Schedule, WhatIsLateStaysDueAtItsTime) {
  Schedule schedule(kStart, 1000);
  EXPECT_EQ(schedule.due_count(kStart - 1, 32), 0u);
  EXPECT_EQ(schedule.due_count(kStart, 32), 1u);
  // A stall of 10 ms: ten more are due, as many as may leave at once.
  EXPECT_EQ(schedule.due_count(kStart + 10'000'000, 32), 11u);
  EXPECT_EQ(schedule.due_count(kStart + 10'000'000, 4), 4u);
  schedule.take(4);
  EXPECT_EQ(schedule.next(), kStart + 4'000'000);
  EXPECT_EQ(schedule.due_count(kStart + 10'000'000, 32), 7u);
  schedule.take(7);
  EXPECT_EQ(schedule.due_count(kStart + 10'000'000, 32), 0u);
  EXPECT_EQ(schedule.taken(), 11u);
}

TEST(Schedule, TellsHowManyAreDueBeforeATime) {
  for (const double rate : {1.0, 3.0, 1000.0, 7777.7, 1e6, 3e6}) {
    const Schedule schedule(kStart, rate);
    for (const std::uint64_t span : {0ULL, 1ULL, 999'999ULL, 1'000'000ULL, 12'345'678'901ULL}) {
      const std::uint64_t count = schedule.due_before(kStart + span);
      if (count > 0) {
        EXPECT_LT(schedule.due(count - 1), kStart + span);
      }
      EXPECT_GE(schedule.due(count), kStart + span);
    }
    EXPECT_EQ(schedule.due_before(kStart - 5), 0u);
  }
  EXPECT_EQ(Schedule(kStart, 10'000).due_before(kStart + 2'000'000'000), 20'000u);
}

}  // namespace
}  // namespace pssst::tools::load
