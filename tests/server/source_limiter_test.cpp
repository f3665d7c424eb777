#include "server/source_limiter.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace pssst::server {
namespace {

constexpr std::uint64_t kHz = 2'000'000'000;
constexpr std::uint64_t kMs = kHz / 1000;

using Source = std::array<std::uint8_t, 16>;

constexpr Source ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

class SourceLimiterTest : public testing::Test {
 protected:
  void charge(const Source& source, std::size_t n = 1) {
    limiter_.set_limits(limits_, now_);
    for (std::size_t i = 0; i < n; ++i) limiter_.charge(hash_.prefixes_of(source), now_);
  }
  [[nodiscard]] bool is_over(const Source& source) {
    limiter_.set_limits(limits_, now_);
    return limiter_.is_over(hash_.prefixes_of(source), now_);
  }
  /// Charges `source` at `per_second` for so long whenever it is not over; returns how many times.
  std::size_t press(const Source& source, std::uint64_t per_second, std::uint64_t ms) {
    std::size_t charged = 0;
    for (std::uint64_t i = 0; i < per_second * ms / 1000; ++i) {
      now_ += kHz / per_second;
      if (is_over(source)) continue;
      charge(source);
      ++charged;
    }
    return charged;
  }

  RateLimits limits_{.ipv4_32 = {.rate = 100, .burst = 200},
                     .ipv4_24 = {.rate = 1000, .burst = 300},
                     .ipv6_64 = {.rate = 10, .burst = 20},
                     .ipv6_48 = {.rate = 20, .burst = 30}};
  SourceHash hash_;
  TableMemory memory_{SourceLimiter::bytes_for(1024) + SourceLimiter::bytes_for(1025)};
  SourceLimiter limiter_{memory_, 1024, kHz};
  std::uint64_t now_ = 1000 * kHz;
};

TEST_F(SourceLimiterTest, NobodyIsOverAtFirst) {
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  EXPECT_FALSE(is_over(Source{}));
  now_ = 0;
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
}

TEST_F(SourceLimiterTest, OneIsOverAfterABurst) {
  charge(ipv4(192, 0, 2, 1), 199);
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  charge(ipv4(192, 0, 2, 1));
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 2)));
}

TEST_F(SourceLimiterTest, NeighboursFillTheirWidePrefixTogether) {
  for (std::uint8_t i = 0; i < 150; ++i) charge(ipv4(192, 0, 2, i), 2);
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 250)));
  EXPECT_FALSE(is_over(ipv4(192, 0, 3, 0)));
}

TEST_F(SourceLimiterTest, Ipv6HasLimitsOfItsOwn) {
  Source source{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 1};
  charge(source, 20);
  source[15] = 9;
  EXPECT_TRUE(is_over(source));
  source[7] = 1;
  EXPECT_FALSE(is_over(source));
  charge(source, 10);
  EXPECT_TRUE(is_over(source)) << "of one /48";
  source[5] = 2;
  EXPECT_FALSE(is_over(source));
}

TEST_F(SourceLimiterTest, WaitsUntilEnoughHasGone) {
  charge(ipv4(192, 0, 2, 1), 201);
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
  // 201 exp(-t / 2 s) < 200: 10 ms, in steps of one.
  now_ += 8 * kMs;
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
  now_ += 4 * kMs;
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
}

TEST_F(SourceLimiterTest, HoldsAFlowAtItsRateInTheLongRun) {
  press(ipv4(192, 0, 2, 1), 20'000, 5000);
  const std::size_t charged = press(ipv4(192, 0, 2, 1), 20'000, 10'000);
  EXPECT_NEAR(static_cast<double>(charged), 1000, 50);
}

TEST_F(SourceLimiterTest, LetsAFlowBelowItsRatePass) {
  EXPECT_EQ(press(ipv4(192, 0, 2, 1), 95, 30'000), 95U * 30);
}

TEST_F(SourceLimiterTest, ARateOfZeroIsNoLimit) {
  limits_.ipv4_32.rate = 0;
  charge(ipv4(192, 0, 2, 1), 299);
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  charge(ipv4(192, 0, 2, 1));
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
  limits_.ipv4_24.rate = 0;
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
}

TEST_F(SourceLimiterTest, AFloodFromEverywhereHidesNobodyWhoSendsMuch) {
  const Source busy = ipv4(192, 0, 2, 1);
  std::uint32_t other = 0;
  // Ten datagrams of others for each of the busy one's: 80 new prefixes for each place in all.
  for (int i = 0; i < 4000; ++i) {
    now_ += kMs / 4;
    if (!is_over(busy)) charge(busy);
    for (int k = 0; k < 10; ++k, ++other) {
      charge(ipv4(10, static_cast<std::uint8_t>(other >> 16), static_cast<std::uint8_t>(other >> 8),
                  static_cast<std::uint8_t>(other)));
    }
  }
  EXPECT_TRUE(is_over(busy));
}

TEST_F(SourceLimiterTest, NewLimitsFindWhatWasChargedBefore) {
  charge(ipv4(192, 0, 2, 1), 150);
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  limits_.ipv4_32.burst = 100;
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 2)));
}

TEST_F(SourceLimiterTest, OneIsOverAsLongAsItsBucketSaysWhoeverElseWas) {
  // 4000 over 20 is ln(200) * 2 s, 10.6 s.
  const Source slow{0x20, 0x01, 0x0d, 0xb8, 0, 1};
  charge(slow, 4000);
  limits_.ipv6_48.rate = 0;
  charge(ipv4(192, 0, 2, 1), 201);  // 10 ms
  now_ += 100 * kMs;
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  EXPECT_TRUE(is_over(slow));
  now_ += 10'300 * kMs;
  EXPECT_TRUE(is_over(slow));
  now_ += 300 * kMs;
  EXPECT_FALSE(is_over(slow));
}

TEST_F(SourceLimiterTest, ABurstOfOneIsOverAtOnce) {
  limits_.ipv4_32 = {.rate = 1, .burst = 1};
  charge(ipv4(192, 0, 2, 1));
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
}

// A level is counted in float, which has no ones beyond 2^24.
TEST_F(SourceLimiterTest, TheLargestBurstIsReachedAndNoSooner) {
  limits_.ipv4_32 = limits_.ipv4_24 = {.rate = 1, .burst = kBurstMax};
  charge(ipv4(192, 0, 2, 1), kBurstMax - 1);
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
  charge(ipv4(192, 0, 2, 1));
  EXPECT_TRUE(is_over(ipv4(192, 0, 2, 1)));
}

// All that comes within a stamp comes at once.
TEST_F(SourceLimiterTest, AHighRateIsReachedHoweverShortItsBurst) {
  limits_.ipv4_24.rate = 0;
  limits_.ipv4_32 = {.rate = 20'000, .burst = 1};
  EXPECT_EQ(press(ipv4(192, 0, 2, 1), 18'000, 1000), 18'000U);
  press(ipv4(192, 0, 2, 1), 100'000, 1000);
  EXPECT_NEAR(static_cast<double>(press(ipv4(192, 0, 2, 1), 100'000, 1000)), 20'000, 2000);
}

TEST_F(SourceLimiterTest, WithoutRoomNobodyIsOver) {
  limiter_ = SourceLimiter(memory_, 0, kHz);
  EXPECT_EQ(limiter_.capacity(), 0U);
  charge(ipv4(192, 0, 2, 1), 1000);
  EXPECT_FALSE(is_over(ipv4(192, 0, 2, 1)));
}

TEST_F(SourceLimiterTest, HasRoomForWhatItWasMadeFor) {
  EXPECT_EQ(limiter_.capacity(), 1024U);
  EXPECT_EQ(SourceLimiter(memory_, 1025, kHz).capacity(), 2048U);
}

}  // namespace
}  // namespace pssst::server
