#include "timing/windows.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <ctime>
#include <string>
#include <vector>

#include "base/tsc.hpp"

namespace pssst::bench {
namespace {

/// About so many microseconds of work.
void spin(int microseconds) {
  const std::uint64_t begin = base::read_tsc();
  const std::uint64_t length =
      base::tsc_hz() / 1'000'000 * static_cast<std::uint64_t>(microseconds);
  while (base::read_tsc() - begin < length) {
  }
}

TEST(Windows, MedianIsTheMiddle) {
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({1, 100, 2, 3, 99}), 3);
}

TEST(Windows, RatiosAreOfTheSameRound) {
  Figures fast;
  Figures slow;
  // The machine gets slower and slower: only within a round do they compare.
  fast.ticks = {1, 10, 100};
  slow.ticks = {3, 30, 300};
  EXPECT_DOUBLE_EQ(speed_ratio(fast, slow), 3);
  EXPECT_DOUBLE_EQ(speed_ratio(slow, fast), 1.0 / 3);
}

TEST(Windows, DifferencesAreOfTheSameRound) {
  Figures slow;
  Figures fast;
  slow.ticks = {1500, 3000, 2700};
  fast.ticks = {1000, 2400, 2300};
  EXPECT_DOUBLE_EQ(ticks_above(slow, fast), 500);
  EXPECT_DOUBLE_EQ(ticks_above(fast, slow), -500);
}

TEST(Windows, ContendersTakeTurns) {
  std::string order;
  const std::vector<Contender> contenders{{.call = [&] { order += 'a', spin(200); }},
                                          {.call = [&] { order += 'b', spin(200); }},
                                          {.call = [&] { order += 'c', spin(200); }}};
  QuietClock clock;
  const auto figures = measure_in_turns(contenders, {.rounds = 3, .window_ms = 0.05}, clock);
  ASSERT_EQ(figures.size(), 3U);
  for (const Figures& one : figures) EXPECT_EQ(one.ticks.size(), 3U);
  // Two calls of each to find out how long they take; then windows of one call.
  EXPECT_EQ(order,
            "aabbcc"
            "abc"
            "bca"
            "cab");
}

TEST(Windows, FiguresAreForOneOperation) {
  const std::vector<Contender> contenders{{.call = [] { spin(100); }, .operations = 1},
                                          {.call = [] { spin(100); }, .operations = 10}};
  QuietClock clock;
  const auto figures = measure_in_turns(contenders, {.rounds = 9, .window_ms = 1}, clock);
  const double ratio = speed_ratio(figures[1], figures[0]);
  EXPECT_GT(ratio, 5);
  EXPECT_LT(ratio, 20);
  for (const Figures& one : figures) {
    EXPECT_LE(one.best, one.median);
    EXPECT_EQ(one.quiet_windows > 0, one.core_cycles > 0);
  }
}

TEST(Windows, ThreadTicksStandStillInSleep) {
  const double begin = thread_ticks();
  spin(1000);
  const double worked = thread_ticks() - begin;
  EXPECT_GT(worked, 0);
  const timespec nap{.tv_sec = 0, .tv_nsec = 20'000'000};
  nanosleep(&nap, nullptr);
  EXPECT_LT(thread_ticks() - begin - worked, 10e-3 * static_cast<double>(base::tsc_hz()));
}

TEST(QuietClockTest, KnowsTheCore) {
  QuietClock clock;
  EXPECT_GE(clock.additions_per_cycle(), 2);
  EXPECT_LE(clock.additions_per_cycle(), 8);
  EXPECT_TRUE(clock.is_quiet(clock.best()));
  EXPECT_FALSE(clock.is_quiet(clock.best() + clock.best() / 10));
  // At half the pace the same ticks are half the cycles.
  const auto pace = static_cast<double>(clock.best());
  EXPECT_NEAR(clock.to_core_cycles(1000, pace), 2 * clock.to_core_cycles(1000, 2 * pace), 1e-6);
}

TEST(Cpus, ThereIsOneToRunOn) {
  EXPECT_TRUE(pin_to_cpu(last_allowed_cpu()));
  EXPECT_FALSE(pin_to_cpu(CPU_SETSIZE - 1));
}

}  // namespace
}  // namespace pssst::bench
