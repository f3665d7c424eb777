#include "tools/load/outstanding.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace pssst::tools::load {
namespace {

constexpr std::uint64_t kTimeout = 1000;

TEST(Outstanding, AnswersSettleOnce) {
  Outstanding outstanding(4, 8, kTimeout);
  EXPECT_TRUE(outstanding.is_idle(2));
  EXPECT_EQ(outstanding.sent(2, 90, 100), 0u);
  EXPECT_FALSE(outstanding.is_idle(2));
  EXPECT_EQ(outstanding.count(), 1u);
  const auto reply = outstanding.replied(2);
  EXPECT_EQ(reply.settlement, Settlement::kAnswered);
  EXPECT_EQ(reply.due_ns, 90u);
  EXPECT_FALSE(reply.is_ambiguous);
  EXPECT_EQ(outstanding.replied(2).settlement, Settlement::kDuplicate);
  EXPECT_EQ(outstanding.replied(3).settlement, Settlement::kDuplicate) << "never sent";
  EXPECT_EQ(outstanding.count(), 0u);
  EXPECT_EQ(outstanding.next_expiry(), UINT64_MAX);
}

TEST(Outstanding, WhatIsNotAnsweredInTimeIsLostAndItsReplyLate) {
  Outstanding outstanding(4, 8, kTimeout);
  outstanding.sent(0, 0, 100);
  outstanding.sent(1, 0, 200);
  EXPECT_EQ(outstanding.next_expiry(), 1100u);
  EXPECT_EQ(outstanding.expire(1099), 0u);
  EXPECT_EQ(outstanding.expire(1100), 1u);
  EXPECT_EQ(outstanding.expire(1100), 0u);
  EXPECT_EQ(outstanding.next_expiry(), 1200u);
  EXPECT_EQ(outstanding.replied(0).settlement, Settlement::kLate);
  EXPECT_EQ(outstanding.replied(0).settlement, Settlement::kDuplicate);
  EXPECT_EQ(outstanding.replied(1).settlement, Settlement::kAnswered);
  EXPECT_EQ(outstanding.expire(9999), 0u);
}

TEST(Outstanding, ARequestUnderWayTwiceIsAnsweredTwiceButAmbiguously) {
  Outstanding outstanding(4, 8, kTimeout);
  outstanding.sent(0, 1, 1);
  outstanding.sent(0, 2, 2);
  EXPECT_TRUE(outstanding.replied(0).is_ambiguous);
  EXPECT_TRUE(outstanding.replied(0).is_ambiguous);
  EXPECT_EQ(outstanding.replied(0).settlement, Settlement::kDuplicate);
  outstanding.sent(0, 3, 3);
  EXPECT_FALSE(outstanding.replied(0).is_ambiguous) << "the doubt has passed";
}

TEST(Outstanding, ALostRequestSentAgainIsAmbiguousForAsLongAsItsReplyMayCome) {
  Outstanding outstanding(4, 8, kTimeout);
  outstanding.sent(0, 0, 0);
  EXPECT_EQ(outstanding.expire(1000), 1u);
  outstanding.sent(0, 1500, 1500);
  EXPECT_TRUE(outstanding.replied(0).is_ambiguous);
  outstanding.sent(0, 2500, 2500);
  const auto reply = outstanding.replied(0);
  EXPECT_EQ(reply.settlement, Settlement::kAnswered);
  EXPECT_FALSE(reply.is_ambiguous);
}

TEST(Outstanding, FullItGivesUpTheOldest) {
  Outstanding outstanding(10, 3, kTimeout);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outstanding.sent(i, i, i), 0u);
  EXPECT_EQ(outstanding.sent(3, 3, 3), 1u);
  EXPECT_EQ(outstanding.count(), 3u);
  EXPECT_EQ(outstanding.replied(0).settlement, Settlement::kLate);
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(outstanding.replied(i).settlement, Settlement::kAnswered);
  }
}

/// What it should do, said plainly.
class Model {
 public:
  Model(std::size_t requests, std::size_t sends_max) : given_up_(requests), sends_max_(sends_max) {}

  std::size_t sent(std::size_t i, std::uint64_t now) {
    const bool is_full = sends_.size() == sends_max_;
    if (is_full) give_up(now);
    if (given_up_[i].count > 0 && now > given_up_[i].when + kTimeout) given_up_[i].count = 0;
    sends_.push_back({i, now});
    return is_full ? 1 : 0;
  }
  Settlement replied(std::size_t i) {
    for (std::size_t k = sends_.size(); k-- > 0;) {
      if (sends_[k].request == i) {
        sends_.erase(sends_.begin() + static_cast<std::ptrdiff_t>(k));
        return Settlement::kAnswered;
      }
    }
    if (given_up_[i].count == 0) return Settlement::kDuplicate;
    --given_up_[i].count;
    return Settlement::kLate;
  }
  std::size_t expire(std::uint64_t now) {
    std::size_t count = 0;
    for (; !sends_.empty() && sends_.front().sent + kTimeout <= now; ++count) give_up(now);
    return count;
  }
  [[nodiscard]] std::size_t count() const { return sends_.size(); }

 private:
  struct Send {
    std::size_t request;
    std::uint64_t sent;
  };
  struct GivenUp {
    std::size_t count = 0;
    std::uint64_t when = 0;
  };
  void give_up(std::uint64_t now) {
    GivenUp& given_up = given_up_[sends_.front().request];
    ++given_up.count;
    given_up.when = now;
    sends_.pop_front();
  }

  std::deque<Send> sends_;
  std::vector<GivenUp> given_up_;
  std::size_t sends_max_;
};

TEST(Outstanding, DoesWhatTheModelDoes) {
  constexpr std::size_t kRequests = 20;
  std::mt19937_64 generator(11);
  const auto below = [&generator](std::uint64_t limit) { return generator() % limit; };
  for (const std::size_t sends_max : {1u, 2u, 7u, 40u}) {
    Outstanding outstanding(kRequests, sends_max, kTimeout);
    Model model(kRequests, sends_max);
    std::uint64_t now = 0;
    for (int step = 0; step < 20'000; ++step) {
      now += below(120);
      const std::size_t i = below(kRequests);
      switch (below(5)) {
        case 0:
        case 1:
          ASSERT_EQ(outstanding.sent(i, now, now), model.sent(i, now)) << step;
          break;
        case 2:
          ASSERT_EQ(outstanding.expire(now), model.expire(now)) << step;
          break;
        default:
          ASSERT_EQ(outstanding.replied(i).settlement, model.replied(i)) << step;
      }
      ASSERT_EQ(outstanding.count(), model.count()) << step;
    }
  }
}

}  // namespace
}  // namespace pssst::tools::load
