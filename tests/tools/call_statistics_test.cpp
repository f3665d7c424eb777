#include "tools/call_statistics.hpp"

#include <gtest/gtest.h>

namespace pssst::tools {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

client::CallReport answered_after(std::chrono::nanoseconds elapsed) {
  client::CallReport report;
  report.reply.emplace();
  report.elapsed = elapsed;
  return report;
}

TEST(CallStatistics, Nothing) {
  const CallStatistics statistics;
  EXPECT_EQ(statistics.summary(seconds(1)), "0 calls, 0 answered, 0.0/s");
  EXPECT_EQ(statistics.percentile(50).count(), 0);
}

TEST(CallStatistics, PercentilesAreByNearestRank) {
  CallStatistics statistics;
  // 1 to 100 ms, in an order of no meaning: 37 has no factor in common with 100.
  for (int i = 0; i < 100; ++i) statistics.add(answered_after(milliseconds((i * 37) % 100 + 1)));
  EXPECT_EQ(statistics.percentile(1), milliseconds(1));
  EXPECT_EQ(statistics.percentile(50), milliseconds(50));
  EXPECT_EQ(statistics.percentile(99), milliseconds(99));
  EXPECT_EQ(statistics.percentile(100), milliseconds(100));
}

TEST(CallStatistics, PercentilesOfOne) {
  CallStatistics statistics;
  statistics.add(answered_after(milliseconds(7)));
  EXPECT_EQ(statistics.percentile(1), milliseconds(7));
  EXPECT_EQ(statistics.percentile(100), milliseconds(7));
}

TEST(CallStatistics, SummaryCountsAnswersApart) {
  CallStatistics statistics;
  statistics.add(answered_after(microseconds(182)));
  statistics.add(answered_after(microseconds(1501)));
  client::CallReport lost;
  lost.bad_replies = 2;
  lost.elapsed = seconds(3);
  statistics.add(lost);
  EXPECT_EQ(statistics.calls(), 3u);
  EXPECT_EQ(statistics.answered(), 2u);
  EXPECT_EQ(statistics.summary(seconds(4)),
            "3 calls, 2 answered, 0.5/s, p50 0.182 ms, p99 1.501 ms, 2 bad replies ignored");
}

TEST(CallStatistics, Rates) {
  EXPECT_EQ(rate_text(1234, milliseconds(500)), "2468.0/s");
  EXPECT_EQ(rate_text(1, seconds(3)), "0.3/s");
  EXPECT_EQ(rate_text(5, seconds(0)), "0.0/s");
}

}  // namespace
}  // namespace pssst::tools
