#include "tools/load/request_pool.hpp"

#include <gtest/gtest.h>

#include "tools/load/echo_server.hpp"

namespace pssst::tools::load {
namespace {

using test::Bytes;
using test::EchoServer;

class RequestPoolTest : public testing::Test {
 protected:
  RequestPoolTest() {
    for (const PrivateKey& key : keys_) {
      if (!maker_->add_client(key)) throw std::runtime_error("add_client");
    }
  }
  static Bytes as_bytes(std::span<const std::uint8_t> span) { return {span.begin(), span.end()}; }

  const std::array<PrivateKey, 3> keys_{PrivateKey::generate(), PrivateKey::generate(),
                                        PrivateKey::generate()};
  EchoServer server_{keys_};
  std::unique_ptr<protocol::RequestMaker> maker_ = server_.make_maker();
};

TEST_F(RequestPoolTest, MixesSizesAndClientsAndMatchesEachReply) {
  RequestPool pool(*maker_, {.size = 120,
                             .message_sizes = {{22, 3}, {64, 5}, {1200, 2}},
                             .authenticated_share = 0.25,
                             .expectation = {}});
  pool.make_all();
  std::map<std::size_t, int> sizes;
  int authenticated = 0;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    authenticated += pool.is_authenticated(i) ? 1 : 0;
    ++sizes[pool.datagram(i).size() - (pool.is_authenticated(i) ? 116 : 52)];
    const Bytes reply = server_.reply(pool.datagram(i));
    ASSERT_FALSE(reply.empty());
    ASSERT_EQ(pool.find(reply), i);
    ASSERT_EQ(pool.check(i, reply), ReplyCheck::kGood);
    ASSERT_EQ(pool.open(i, reply), ReplyCheck::kGood);
  }
  EXPECT_EQ(authenticated, 30);
  EXPECT_EQ(sizes, (std::map<std::size_t, int>{{22, 36}, {64, 60}, {1200, 24}}));
}

TEST_F(RequestPoolTest, SizesAndKindsAreMixedIndependently) {
  RequestPool pool(*maker_, {.size = 4000,
                             .message_sizes = {{64, 3}, {1200, 1}},
                             .authenticated_share = 0.25,
                             .expectation = {}});
  int authenticated = 0;
  int large_and_authenticated = 0;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (!pool.is_authenticated(i)) continue;
    ++authenticated;
    large_and_authenticated += pool.datagram(i).size() > 1000 ? 1 : 0;
  }
  EXPECT_EQ(authenticated, 1000);
  EXPECT_NEAR(large_and_authenticated, 250, 60);
}

TEST_F(RequestPoolTest, SeesEveryWayInWhichAReplyCanBeWrong) {
  RequestPool pool(
      *maker_,
      {.size = 2, .message_sizes = {{64, 1}}, .authenticated_share = 0, .expectation = {}});
  pool.make_all();
  const Bytes good = server_.reply(pool.datagram(1));
  Bytes wrong = good;
  wrong[0] |= 0x40;
  EXPECT_EQ(pool.check(1, wrong), ReplyCheck::kFlags);
  wrong = good;
  wrong[3] = 2;
  EXPECT_EQ(pool.check(1, wrong), ReplyCheck::kFlags);
  EXPECT_EQ(pool.check(1, pool.datagram(1)), ReplyCheck::kFlags) << "the request sent back";
  wrong = good;
  wrong.pop_back();
  EXPECT_EQ(pool.check(1, wrong), ReplyCheck::kLength);
  wrong = good;
  wrong[40] ^= 1;
  EXPECT_EQ(pool.check(1, wrong), ReplyCheck::kGood);
  EXPECT_EQ(pool.open(1, wrong), ReplyCheck::kTag);
  const Bytes lie = server_.reply(pool.datagram(1), Bytes(64, 'x'));
  EXPECT_EQ(pool.check(1, lie), ReplyCheck::kGood);
  EXPECT_EQ(pool.open(1, lie), ReplyCheck::kText);
  wrong = good;
  wrong[20] ^= 1;  // of dh
  EXPECT_FALSE(pool.find(wrong));
  EXPECT_EQ(pool.open(1, good), ReplyCheck::kGood);
}

TEST_F(RequestPoolTest, ExpectsAConstantTextOrNothing) {
  const Bytes text{'u', 'n', 'd'};
  RequestPool pool(*maker_, {.size = 1,
                             .message_sizes = {{64, 1}},
                             .authenticated_share = 1,
                             .expectation = {Expectation::Kind::kText, text}});
  pool.make_all();
  EXPECT_EQ(pool.open(0, server_.reply(pool.datagram(0), text)), ReplyCheck::kGood);
  EXPECT_EQ(pool.check(0, server_.reply(pool.datagram(0))), ReplyCheck::kLength) << "an echo";
  RequestPool silent(*maker_, {.size = 1,
                               .message_sizes = {{64, 1}},
                               .authenticated_share = 0,
                               .expectation = {Expectation::Kind::kNothing, {}}});
  silent.make_all();
  EXPECT_EQ(silent.check(0, server_.reply(silent.datagram(0))), ReplyCheck::kText);
}

TEST_F(RequestPoolTest, MakesRequestsAnew) {
  RequestPool pool(
      *maker_,
      {.size = 50, .message_sizes = {{8, 1}}, .authenticated_share = 0.5, .expectation = {}});
  pool.make_all();
  const Bytes old_reply = server_.reply(pool.datagram(7));
  const Bytes kept = as_bytes(pool.datagram(8));
  const std::array<std::uint32_t, 2> again{7, 9};
  pool.make(again);
  EXPECT_FALSE(pool.find(old_reply));
  EXPECT_EQ(as_bytes(pool.datagram(8)), kept);
  for (const std::size_t i : {7u, 8u, 9u}) {
    const Bytes reply = server_.reply(pool.datagram(i));
    EXPECT_EQ(pool.find(reply), i);
    EXPECT_EQ(pool.open(i, reply), ReplyCheck::kGood);
  }
}

}  // namespace
}  // namespace pssst::tools::load
