/// Later replies, from a library's handler to the wire.
#include "server/worker_later_fixture.hpp"

namespace pssst::server {
namespace {

TEST_F(WorkerLater, AReplyFollowsWhenItIsThere) {
  Call anonymous = later_call({1, 2});
  Call authenticated = later_call({3}, &enrolled_);
  Call of_suite1 = call(kLaterPurePort, Bytes(5));
  Call of_suite1_authenticated = call(kLaterPurePort, {5}, &enrolled_);
  poll_all();
  ASSERT_EQ(tokens_.size(), 4U);
  EXPECT_EQ(books().pending, 4U);
  EXPECT_EQ(later().awaited.read(), 4U);
  EXPECT_EQ(port_.sent().size(), 0U);
  std::thread helper([&] {
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(probe.server->answer(tokens_[i], i == 0 ? "one" : "two"), PSSST_ANSWERED);
      EXPECT_EQ(pure_probe.server->answer(tokens_[2 + i], i == 0 ? "three" : "four"),
                PSSST_ANSWERED);
    }
  });
  helper.join();
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_TRUE(replied(anonymous, {'o', 'n', 'e'}));
  EXPECT_TRUE(replied(authenticated, {'t', 'w', 'o'}));
  EXPECT_TRUE(replied(of_suite1, {'t', 'h', 'r', 'e', 'e'}));
  EXPECT_TRUE(replied(of_suite1_authenticated, {'f', 'o', 'u', 'r'}));
  EXPECT_EQ(books().pending, 0U);
  EXPECT_EQ(later().awaited.read(), 0U);
  EXPECT_EQ(later().asked.read(), 4U);
  EXPECT_EQ(later().answered.read(), 4U);
}

TEST_F(WorkerLater, AnAnswerMayComeBeforeTheBurstIsOver) {
  probe.handle = [&](std::span<library::Message> messages) {
    for (library::Message& message : messages) {
      EXPECT_EQ(probe.server->answer(message.later(), "soon"), PSSST_ANSWERED);
    }
  };
  Call soon = later_call({1});
  poll_all();
  EXPECT_TRUE(replied(soon, {'s', 'o', 'o', 'n'}));
}

TEST_F(WorkerLater, SomeOfABurstMayBeLater) {
  probe.handle = [&](std::span<library::Message> messages) {
    for (library::Message& message : messages) {
      const std::uint8_t kind = message.bytes()[0];
      if (kind == 0) message.reply("now");
      if (kind == 1) tokens_.push_back(message.later());
    }
  };
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 12; ++i) calls.push_back(later_call({std::uint8_t(i % 3)}));
  Call echo = call(kEchoPort, {9});
  poll_all();
  EXPECT_TRUE(replied(echo, {9}));
  EXPECT_EQ(books().answered_without_reply, 4U);
  ASSERT_EQ(tokens_.size(), 4U);
  for (const std::uint64_t token : tokens_) {
    EXPECT_EQ(probe.server->answer(token, "then"), PSSST_ANSWERED);
  }
  poll_all();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i % 3 == 2) continue;
    EXPECT_TRUE(replied(calls[i], i % 3 == 0 ? Bytes{'n', 'o', 'w'} : Bytes{'t', 'h', 'e', 'n'}));
  }
}

TEST_F(WorkerLater, NoReplyIsAnAnswerToo) {
  later_call({1});
  poll_all();
  EXPECT_EQ(probe.server->answer_nothing(tokens_.at(0)), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(books().answered_without_reply, 1U);
  EXPECT_EQ(port_.held(), 0U);
}

TEST_F(WorkerLater, StrayAnswersAreCountedAndChangeNothing) {
  Call first = later_call({1});
  poll_all();
  const std::uint64_t token = tokens_.at(0);
  EXPECT_EQ(probe.server->answer(token, "good"), PSSST_ANSWERED);
  EXPECT_EQ(probe.server->answer(token, "bad"), PSSST_ANSWERED);
  EXPECT_EQ(probe.server->answer(token + 1, "bad"), PSSST_ANSWERED);
  Call second = later_call({2});
  poll_all();
  EXPECT_EQ(pure_probe.server->answer(tokens_.at(1), "bad"), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(later().answers_twice.read(), 1U);
  EXPECT_EQ(later().answers_wrong.read(), 2U);
  EXPECT_TRUE(replied(first, {'g', 'o', 'o', 'd'}));
  EXPECT_EQ(port_.reply_to(second.request), nullptr);
  EXPECT_EQ(probe.server->answer(tokens_.at(1), "fine"), PSSST_ANSWERED);
  poll_all();
  EXPECT_TRUE(replied(second, {'f', 'i', 'n', 'e'}));
}

TEST_F(WorkerLater, AMessageThatWasAnsweredAtOnceIsNotAnsweredAgain) {
  probe.handle = [&](std::span<library::Message> messages) {
    EXPECT_EQ(probe.server->answer(messages[0].token(), "again"), PSSST_ANSWERED);
    messages[0].reply("once");
  };
  Call once = later_call({1});
  poll_all();
  EXPECT_TRUE(replied(once, {'o', 'n', 'c', 'e'}));
  EXPECT_EQ(port_.sent().size(), 1U);
  EXPECT_EQ(later().answers_twice.read(), 1U);
}

TEST_F(WorkerLater, WhatIsNotAnsweredInTimeIsDropped) {
  serve(next_probe, {.deadline = std::chrono::milliseconds(500), .in_flight = 6});
  note_tokens(next_probe);
  later_call({1});
  poll_all();
  EXPECT_EQ(books().pending, 1U);
  std::this_thread::sleep_for(std::chrono::milliseconds(550));
  worker_->poll_once();
  EXPECT_EQ(drops(DropReason::kLaterExpired), 1U);
  EXPECT_EQ(port_.held(), 0U);
  EXPECT_EQ(next_probe.server->answer(tokens_.at(0), "late"), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(later().answers_late.read(), 1U);
  Call next = later_call({2});
  poll_all();
  EXPECT_EQ(next_probe.server->answer(tokens_.at(1), "next"), PSSST_ANSWERED);
  poll_all();
  EXPECT_TRUE(replied(next, {'n', 'e', 'x', 't'}));
}

TEST_F(WorkerLater, AReplyThatThePortDoesNotTakeIsADrop) {
  later_call({1});
  poll_all();
  port_.may_send = [](std::size_t) { return false; };
  EXPECT_EQ(probe.server->answer(tokens_.at(0), "x"), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(drops(DropReason::kTransmit), 1U);
  EXPECT_EQ(later().awaited.read(), 0U);
  // A port that knows better why is believed.
  port_.unsent = DropReason::kReplyOverMtu;
  later_call({2});
  poll_all();
  EXPECT_EQ(probe.server->answer(tokens_.at(1), "x"), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(drops(DropReason::kReplyOverMtu), 1U);
  EXPECT_EQ(drops(DropReason::kTransmit), 1U);
  EXPECT_EQ(later().awaited.read(), 0U);
}

TEST_F(WorkerLater, AReplacedLibraryAnswersWhatItWasAskedAndThenEnds) {
  Call old = later_call({1});
  poll_all();
  serve(next_probe, kLimits);
  note_tokens(next_probe);
  Call next = later_call({2});
  poll_all();
  ASSERT_EQ(tokens_.size(), 2U);
  EXPECT_TRUE(next_probe.saw("worker_init 0"));
  EXPECT_EQ(next_probe.server->answer(tokens_[0], "wrong version"), PSSST_ANSWERED);
  EXPECT_EQ(probe.server->answer(tokens_[1], "wrong version"), PSSST_ANSWERED);
  poll_all();
  EXPECT_EQ(later().answers_wrong.read(), 2U);
  EXPECT_EQ(port_.sent().size(), 0U);
  EXPECT_EQ(probe.server->answer(tokens_[0], "old"), PSSST_ANSWERED);
  EXPECT_EQ(next_probe.server->answer(tokens_[1], "new"), PSSST_ANSWERED);
  poll_all();
  EXPECT_TRUE(replied(old, {'o', 'l', 'd'}));
  EXPECT_TRUE(replied(next, {'n', 'e', 'w'}));
  worker_->poll_once();
  EXPECT_EQ(probe.thread_of("worker_fini 0"), std::this_thread::get_id());
  EXPECT_TRUE(eventually([&] { return probe.saw("fini"); }));
  EXPECT_FALSE(next_probe.saw("worker_fini 0"));
}

TEST_F(WorkerLater, AtTheEndItWaitsForAnswersAndDropsTheRest) {
  Call answered = later_call({1});
  later_call({2});
  poll_all();
  ASSERT_EQ(tokens_.size(), 2U);
  std::thread helper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(probe.server->answer(tokens_[0], "last"), PSSST_ANSWERED);
  });
  const std::atomic<bool> stop{true};
  run(stop);
  helper.join();
  EXPECT_TRUE(replied(answered, {'l', 'a', 's', 't'}));
  EXPECT_EQ(drops(DropReason::kShutdown), 1U);
  EXPECT_EQ(probe.server->answer(tokens_[1], "too late"), PSSST_NO_SUCH_TOKEN);
  EXPECT_TRUE(probe.saw("worker_fini 0"));
  EXPECT_TRUE(pure_probe.saw("worker_fini 0"));
}

TEST_F(WorkerLater, AlsoAtTheEndADeadlineIsADeadline) {
  serve(next_probe, {.deadline = std::chrono::milliseconds(100), .in_flight = 6});
  note_tokens(next_probe);
  later_call({1});
  poll_all();
  ASSERT_EQ(tokens_.size(), 1U);
  std::thread helper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    static_cast<void>(next_probe.server->answer(tokens_[0], "too late"));
  });
  const std::atomic<bool> stop{true};
  run(stop);
  helper.join();
  EXPECT_EQ(port_.sent().size(), 0U);
  EXPECT_EQ(drops(DropReason::kLaterExpired), 1U);
  EXPECT_EQ(later().answered.read(), 0U);
}

TEST_F(WorkerLater, AnIdleWorkerThatAwaitsAnswersLooksOften) {
  std::atomic<bool> stop{false};
  std::vector<std::chrono::microseconds> waits;
  port_.on_wait = [&] {
    waits.push_back(port_.last_wait());
    if (waits.size() == 1) later_call({1});
    if (waits.size() == 3) {
      EXPECT_EQ(probe.server->answer_nothing(tokens_.at(0)), 0);
    }
    if (waits.size() == 5) stop = true;
  };
  run(stop);
  EXPECT_EQ(waits.at(0), std::chrono::microseconds(5000));
  EXPECT_EQ(waits.at(1), kLaterWaitMax);
  EXPECT_EQ(waits.at(2), kLaterWaitMax);
  EXPECT_EQ(waits.at(3), std::chrono::microseconds(5000));
}

}  // namespace
}  // namespace pssst::server
