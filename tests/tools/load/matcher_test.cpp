#include "tools/load/matcher.hpp"

#include <gtest/gtest.h>

#include "tools/load/echo_server.hpp"

namespace pssst::tools::load {
namespace {

using test::as_datagram;
using test::Bytes;
using test::EchoServer;

constexpr std::uint64_t kTimeout = 1000;
constexpr std::size_t kGood = 8;  // of 10 requests

class MatcherTest : public testing::Test {
 protected:
  MatcherTest() { pool_.make_all(); }

  std::unique_ptr<Matcher> make(std::uint64_t verify_every) {
    auto matcher =
        std::make_unique<Matcher>(pool_, kGood, verify_every, outstanding_, counters_, *latency_);
    matcher->set_phase(true, true);
    return matcher;
  }
  void send(std::size_t i, std::uint64_t now) {
    outstanding_.sent(i, now, now);
    counters_.sent.add(1);
  }
  static std::size_t receive(Matcher& matcher, const Bytes& reply, std::uint64_t now) {
    const net::Datagram datagram = as_datagram(reply);
    return matcher.receive(std::span(&datagram, 1), now);
  }
  Bytes reply_to(std::size_t i) { return server_.reply(pool_.datagram(i)); }

  EchoServer server_;
  std::unique_ptr<protocol::RequestMaker> maker_ = server_.make_maker();
  RequestPool pool_{
      *maker_,
      {.size = 10, .message_sizes = {{64, 1}}, .authenticated_share = 0, .expectation = {}}};
  Outstanding outstanding_{10, 20, kTimeout};
  LoadCounters counters_;
  std::unique_ptr<Histogram> latency_ = std::make_unique<Histogram>();
};

TEST_F(MatcherTest, CountsAnswersWithTheirLatency) {
  const auto matcher = make(1);
  send(3, 100);
  send(4, 110);
  EXPECT_EQ(receive(*matcher, reply_to(4), 150), 1u);
  EXPECT_EQ(receive(*matcher, reply_to(3), 200), 1u);
  const CounterValues values = counters_.read();
  EXPECT_EQ(values.answered, 2u);
  EXPECT_EQ(values.answered_in_time, 2u);
  EXPECT_EQ(values.verified, 2u);
  EXPECT_EQ(values.bytes_in, 2u * 116);
  EXPECT_EQ(latency_->snapshot().min(), 40u);
  EXPECT_EQ(latency_->snapshot().max(), 100u);
  EXPECT_TRUE(values.balanced());
}

TEST_F(MatcherTest, CountsWhatIsLateDoubleOrUnknown) {
  const auto matcher = make(1);
  send(0, 0);
  send(1, 0);
  EXPECT_EQ(receive(*matcher, reply_to(0), 10), 1u);
  EXPECT_EQ(receive(*matcher, reply_to(0), 20), 0u);
  matcher->expire(2000);
  EXPECT_EQ(receive(*matcher, reply_to(1), 2001), 0u);
  Bytes unknown = reply_to(2);
  unknown[10] ^= 1;
  EXPECT_EQ(receive(*matcher, unknown, 2002), 0u);
  EXPECT_EQ(receive(*matcher, Bytes(51, 0), 2003), 0u);
  EXPECT_EQ(receive(*matcher, Bytes(), 2003), 0u);
  const CounterValues values = counters_.read();
  EXPECT_EQ(values.answered, 1u);
  EXPECT_EQ(values.duplicates, 1u);
  EXPECT_EQ(values.lost, 1u);
  EXPECT_EQ(values.late, 1u);
  EXPECT_EQ(values.unknown, 1u);
  EXPECT_EQ(values.malformed, 2u);
  EXPECT_EQ(latency_->snapshot().count(), 1u);
  EXPECT_TRUE(values.balanced());
}

TEST_F(MatcherTest, AWrongReplyIsNoAnswerAndAGoodOneStillIs) {
  const auto matcher = make(1);
  send(0, 0);
  Bytes wrong = reply_to(0);
  wrong.back() ^= 1;
  EXPECT_EQ(receive(*matcher, wrong, 1), 0u);
  EXPECT_EQ(receive(*matcher, server_.reply(pool_.datagram(0), Bytes(64, 0)), 2), 0u);
  EXPECT_EQ(receive(*matcher, server_.reply(pool_.datagram(0), Bytes(63, 0)), 3), 0u);
  wrong = reply_to(0);
  wrong[0] = 0xc0;
  EXPECT_EQ(receive(*matcher, wrong, 4), 0u);
  EXPECT_EQ(receive(*matcher, reply_to(0), 5), 1u);
  const CounterValues values = counters_.read();
  EXPECT_EQ(values.mismatch_tag, 1u);
  EXPECT_EQ(values.mismatch_text, 1u);
  EXPECT_EQ(values.mismatch_length, 1u);
  EXPECT_EQ(values.mismatch_flags, 1u);
  EXPECT_EQ(values.mismatches(), 4u);
  EXPECT_EQ(values.answered, 1u);
  EXPECT_TRUE(values.balanced());
}

TEST_F(MatcherTest, OpensTheShareOfRepliesThatItIsToldTo) {
  const std::array<std::pair<std::uint64_t, std::uint64_t>, 3> rows{{{1, 8}, {3, 3}, {0, 0}}};
  for (const auto& [verify_every, verified] : rows) {
    const auto matcher = make(verify_every);
    const std::uint64_t before = counters_.verified.read();
    for (std::size_t i = 0; i < kGood; ++i) {
      send(i, 0);
      EXPECT_EQ(receive(*matcher, reply_to(i), 1), 1u);
    }
    EXPECT_EQ(counters_.verified.read() - before, verified) << verify_every;
  }
}

TEST_F(MatcherTest, RepliesToReplaysAreToldApart) {
  const auto matcher = make(1);
  EXPECT_EQ(receive(*matcher, reply_to(kGood), 1), 0u);
  EXPECT_EQ(counters_.hostile_answered.read(), 1u);
  EXPECT_TRUE(counters_.read().balanced());
}

TEST_F(MatcherTest, OnlyMeasuredLatenciesAreRecordedAndOnlyAnswersInTimeCountForTheRate) {
  const auto matcher = make(1);
  matcher->set_phase(false, true);
  send(0, 0);
  EXPECT_EQ(receive(*matcher, reply_to(0), 1), 1u);
  matcher->set_phase(true, false);
  send(1, 0);
  EXPECT_EQ(receive(*matcher, reply_to(1), 1), 1u);
  EXPECT_EQ(latency_->snapshot().count(), 1u);
  EXPECT_EQ(counters_.answered.read(), 2u);
  EXPECT_EQ(counters_.answered_in_time.read(), 1u);
}

TEST_F(MatcherTest, AmbiguousAnswersHaveNoLatency) {
  const auto matcher = make(1);
  send(0, 0);
  send(0, 500);
  EXPECT_EQ(receive(*matcher, reply_to(0), 600), 1u);
  EXPECT_EQ(receive(*matcher, reply_to(0), 601), 1u);
  EXPECT_EQ(counters_.ambiguous.read(), 2u);
  EXPECT_EQ(latency_->snapshot().count(), 0u);
  EXPECT_TRUE(counters_.read().balanced());
}

}  // namespace
}  // namespace pssst::tools::load
