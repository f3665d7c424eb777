/// How many later replies are awaited, and how long replies may be.
#include "server/worker_later_fixture.hpp"

namespace pssst::server {
namespace {

TEST_F(WorkerLater, SoManyAreAwaitedAndNoMore) {
  for (std::uint8_t i = 0; i < 20; ++i) later_call({i});
  Call echo = call(kEchoPort, {7});
  poll_all();
  EXPECT_EQ(tokens_.size(), 16U);
  EXPECT_EQ(drops(DropReason::kLaterFull), 4U);
  EXPECT_TRUE(replied(echo, {7}));
  for (const std::uint64_t token : tokens_) EXPECT_EQ(probe.server->answer_nothing(token), 0);
  poll_all();
  Call next = later_call({1});
  poll_all();
  EXPECT_EQ(tokens_.size(), 17U);
}

TEST_F(WorkerLater, WhatIsAnsweredAtOnceTakesNobodysPlace) {
  // Of 40 three may be awaited at once: all are answered but two, which are later.
  serve(next_probe, {.deadline = std::chrono::milliseconds(10'000), .in_flight = 3});
  std::vector<std::size_t> parts;
  next_probe.handle = [&](std::span<library::Message> messages) {
    parts.push_back(messages.size());
    for (library::Message& message : messages) {
      if (message.bytes()[0] % 16 == 15) {
        tokens_.push_back(message.later());
      } else {
        message.reply(message.bytes());
      }
    }
  };
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 40; ++i) calls.push_back(later_call({i}));
  poll_all();
  EXPECT_EQ(drops(DropReason::kLaterFull), 0U);
  ASSERT_EQ(std::accumulate(parts.begin(), parts.end(), std::size_t{0}), 40U);
  EXPECT_EQ(*std::ranges::max_element(parts), 3U);
  EXPECT_EQ(parts.back(), 1U) << "while two are awaited";
  ASSERT_EQ(tokens_.size(), 2U);
  for (const std::uint64_t token : tokens_) {
    EXPECT_EQ(next_probe.server->answer(token, "then"), PSSST_ANSWERED);
  }
  poll_all();
  for (std::uint8_t i = 0; i < 40; ++i) {
    EXPECT_TRUE(replied(calls[i], i % 16 == 15 ? Bytes{'t', 'h', 'e', 'n'} : Bytes{i})) << int{i};
  }
}

TEST_F(WorkerLater, WhereNoMoreMayBeAwaitedTheRestOfABurstIsDropped) {
  serve(next_probe, {.deadline = std::chrono::milliseconds(10'000), .in_flight = 3});
  next_probe.handle = [&](std::span<library::Message> messages) {
    for (library::Message& message : messages) {
      // The first five are answered at once, all others later.
      if (message.bytes()[0] < 5) {
        message.reply("now");
      } else {
        tokens_.push_back(message.later());
      }
    }
  };
  for (std::uint8_t i = 0; i < 20; ++i) later_call({i});
  Call echo = call(kEchoPort, {7});
  poll_all();
  EXPECT_EQ(tokens_.size(), 3U);
  EXPECT_EQ(drops(DropReason::kLaterFull), 12U);
  EXPECT_EQ(books().replied, 6U);
  EXPECT_TRUE(replied(echo, {7}));
}

TEST_F(WorkerLater, AReplyLongerThanItsSuiteTakesIsDropped) {
  const auto answer_with = [&](std::size_t size) {
    Call made = seal_to(server_keys_.at(kLongPort), kF002, kLongPort, Bytes(500), nullptr);
    put(made);
    poll_all();
    EXPECT_EQ(long_probe.server->answer(tokens_.back(), Bytes(size, 5)), PSSST_ANSWERED);
    poll_all();
    return made;
  };
  Call fits = answer_with(1418);
  EXPECT_TRUE(replied(fits, Bytes(1418, 5)));
  answer_with(1420);
  EXPECT_EQ(drops(DropReason::kReplyTooLong), 1U);
}

TEST_F(WorkerLater, AReplyLongerThanTheServiceAllowsIsDropped) {
  Call as_long = call(kLaterPurePort, Bytes(4));
  Call shorter = call(kLaterPurePort, Bytes(3));
  poll_all();
  for (const std::uint64_t token : tokens_) {
    EXPECT_EQ(pure_probe.server->answer(token, "four"), PSSST_ANSWERED);
  }
  poll_all();
  EXPECT_TRUE(replied(as_long, {'f', 'o', 'u', 'r'}));
  EXPECT_EQ(port_.reply_to(shorter.request), nullptr);
  EXPECT_EQ(drops(DropReason::kReplyLimit), 1U);
}

}  // namespace
}  // namespace pssst::server
