#include "pssst/request_burst.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>

#include "pssst/server.hpp"

namespace pssst {
namespace {

const PrivateKey kPrivateKey(std::array<std::uint8_t, 32>{1});

TEST(RequestBurstTest, IsMadeZeroed) {
  const RequestBurstPointer burst = make_request_burst();
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(burst.get()), sizeof *burst);
  EXPECT_TRUE(std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(RequestBurstTest, AddLeavesNothingOfTheLaneBefore) {
  const ServerKey key(kPrivateKey);
  const RequestBurstPointer burst = make_request_burst();
  const std::array<std::uint8_t, 100> request{};
  const Identity identity;
  burst->add(request, key);
  burst->drop[0] = DropReason::kTag;
  burst->authenticated[0] = 1;
  burst->message[0] = burst->plaintext[0].data();
  burst->message_size[0] = 7;
  burst->client[0] = &identity;
  burst->has_reply[0] = 1;
  burst->reply_size[0] = 8;
  burst->reply_datagram_size[0] = 60;

  burst->size = 0;
  burst->add(std::span(request).first(60), key);
  EXPECT_EQ(burst->size, 1u);
  EXPECT_EQ(burst->datagram[0], request.data());
  EXPECT_EQ(burst->datagram_size[0], 60);
  EXPECT_EQ(burst->key[0], &key);
  EXPECT_EQ(burst->drop[0], DropReason::kNone);
  EXPECT_EQ(burst->authenticated[0], 0);
  EXPECT_EQ(burst->message[0], nullptr);
  EXPECT_EQ(burst->message_size[0], 0);
  EXPECT_EQ(burst->client[0], nullptr);
  EXPECT_EQ(burst->has_reply[0], 0);
  EXPECT_EQ(burst->reply_size[0], 0u);
  EXPECT_TRUE(burst->reply_datagram(0).empty());
}

TEST(RequestBurstTest, KeepsWhatSealsAReplyAndAddsItAgain) {
  const ServerKey f002(kPrivateKey, {.suite = kSuiteF002});
  const RequestBurstPointer burst = make_request_burst();
  const std::array<std::uint8_t, 100> request{};
  burst->add(request, f002);
  burst->add(request, f002);
  burst->authenticated[1] = 1;
  burst->key_material[1].fill(0x11);
  burst->reply_secret[1].fill(0x22);
  KeptReply kept;
  burst->keep(1, kept);
  EXPECT_EQ(kept.datagram, request.data());
  EXPECT_EQ(kept.datagram_size, request.size());
  EXPECT_EQ(kept.suite, kSuiteF002);

  // Another burst has been through the same lanes meanwhile.
  burst->size = 0;
  const ServerKey suite1(kPrivateKey);
  burst->add(request, suite1);
  burst->drop[0] = DropReason::kTag;
  burst->message[0] = burst->plaintext[0].data();
  burst->message_size[0] = 7;
  burst->has_reply[0] = 1;
  burst->reply_size[0] = 8;
  burst->reply_datagram_size[0] = 60;
  burst->key_material[0].fill(0x33);
  burst->reply_secret[0].fill(0x44);

  burst->size = 0;
  burst->add_kept(kept);
  EXPECT_EQ(burst->size, 1U);
  EXPECT_EQ(burst->datagram[0], request.data());
  EXPECT_EQ(burst->datagram_size[0], request.size());
  EXPECT_EQ(burst->suite[0], kSuiteF002);
  EXPECT_EQ(burst->reply_space(0).size(), kDatagramSizeMax - 54);
  EXPECT_EQ(burst->reply_space(0).data(), burst->reply[0].data() + 38);
  EXPECT_EQ(burst->authenticated[0], 1);
  EXPECT_EQ(burst->key_material[0], kept.key_material);
  EXPECT_EQ(burst->key_material[0].front(), 0x11);
  EXPECT_EQ(burst->reply_secret[0], kept.reply_secret);
  EXPECT_EQ(burst->reply_secret[0].back(), 0x22);
  EXPECT_EQ(burst->key[0], nullptr) << "the server's keys may be others by now";
  EXPECT_EQ(burst->drop[0], DropReason::kNone);
  EXPECT_EQ(burst->message[0], nullptr);
  EXPECT_EQ(burst->message_size[0], 0);
  EXPECT_EQ(burst->client[0], nullptr);
  EXPECT_EQ(burst->has_reply[0], 0);
  EXPECT_EQ(burst->reply_size[0], 0U);
  EXPECT_TRUE(burst->reply_datagram(0).empty());
}

TEST(RequestBurstTest, ReplySpaceIsTheReplyDatagramsText) {
  const ServerKey suite1(kPrivateKey);
  const ServerKey f002(kPrivateKey, {.suite = kSuiteF002});
  const std::array<std::uint8_t, 100> request{};
  const RequestBurstPointer burst = make_request_burst();
  for (std::size_t lane = 0; lane < kBurstLanesMax; lane += 2) {
    burst->add(request, suite1);
    burst->add(request, f002);
    EXPECT_EQ(burst->suite[lane], kSuite1);
    EXPECT_EQ(burst->reply_space(lane).size(), kReplySizeMax);
    EXPECT_EQ(burst->reply_space(lane).data(), burst->reply[lane].data() + 36);
    EXPECT_EQ(burst->suite[lane + 1], kSuiteF002);
    EXPECT_EQ(burst->reply_space(lane + 1).size(), kDatagramSizeMax - 54);
    EXPECT_EQ(burst->reply_space(lane + 1).data(), burst->reply[lane + 1].data() + 38);
  }
}

TEST(RequestBurstDeathTest, TakesNoMoreThanItsLanesAndNoOtherSizes) {
  // The default style runs the statement in a fork, where secret pages are wiped.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ServerKey key(kPrivateKey);
  const RequestBurstPointer burst = make_request_burst();
  const std::array<std::uint8_t, kDatagramSizeMax + 1> bytes{};
  EXPECT_DEATH(burst->add(std::span(bytes).first(kOverheadSize - 1), key), "request_size_min");
  EXPECT_DEATH(burst->add(bytes, key), "kDatagramSizeMax");
  const ServerKey f002(kPrivateKey, {.suite = kSuiteF002});
  EXPECT_DEATH(burst->add(std::span(bytes).first(kF002OverheadSize - 1), f002), "request_size_min");
  for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
    burst->add(std::span(bytes).first(kDatagramSizeMax), key);
  }
  EXPECT_DEATH(burst->add(std::span(bytes).first(kOverheadSize), key), "kBurstLanesMax");
  EXPECT_DEATH(burst->add_kept({}), "kBurstLanesMax");
}

TEST(RequestBurstDeathTest, KeepsNoLaneThatIsDroppedOrNotThere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ServerKey key(kPrivateKey);
  const RequestBurstPointer burst = make_request_burst();
  const std::array<std::uint8_t, kOverheadSize> request{};
  burst->add(request, key);
  KeptReply kept;
  burst->keep(0, kept);
  EXPECT_DEATH(burst->keep(1, kept), "i < size");
  burst->drop[0] = DropReason::kTag;
  EXPECT_DEATH(burst->keep(0, kept), "DropReason::kNone");
}

}  // namespace
}  // namespace pssst
