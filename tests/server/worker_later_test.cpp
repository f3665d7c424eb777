/// Later replies, from a library's handler to the wire.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "server/handler/typed_handler.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

constexpr std::uint16_t kLaterPort = 7710;      ///< suite 0xF002
constexpr std::uint16_t kLaterPurePort = 7711;  ///< suite 1
constexpr std::uint16_t kLongPort = 7712;       ///< suite 0xF002, replies as long as suite 1 takes

constexpr LaterLimits kLimits{.deadline = std::chrono::milliseconds(10'000), .in_flight = 16};

/// What must be there before a worker is.
struct Handlers {
  Probe probe;
  Probe pure_probe;
  Probe long_probe;
  Probe next_probe;
  HandlerRuntime runtime{{0}, 64};
};

class WorkerLater : private Handlers, public WorkerTest {
 protected:
  using Handlers::long_probe;
  using Handlers::next_probe;
  using Handlers::probe;
  using Handlers::pure_probe;
  using Handlers::runtime;

  WorkerLater() : WorkerTest(settings_with(Handlers::runtime)) {
    for (const std::uint16_t udp_port : {kLaterPort, kLaterPurePort, kLongPort}) {
      server_keys_.emplace(udp_port, PrivateKey::generate());
    }
    serve(probe, kLimits);
    note_tokens(probe);
    note_tokens(pure_probe);
    note_tokens(long_probe);
  }

  /// Every worker ends: what handlers' worker_init made, worker_fini takes back.
  void TearDown() override {
    if (!ended_) run(true);
    WorkerTest::TearDown();
  }

  void run(const std::atomic<bool>& stop) {
    worker_->run(stop);
    ended_ = true;
  }

  static WorkerSettings settings_with(HandlerRuntime& handlers) {
    WorkerSettings settings;
    settings.polls_before_wait = 2;
    settings.wait_max = std::chrono::microseconds(5000);
    settings.drain_max = std::chrono::milliseconds(1000);
    settings.handlers = &handlers;
    return settings;
  }

  void serve(const Probe& later, const LaterLimits& limits) {
    std::vector<Service> services = make_services();
    services.push_back(service(kLaterPort, kF002, attach_probe(later, runtime, "probe", limits)));
    services.push_back(
        service(kLaterPurePort, {}, attach_probe(pure_probe, runtime, "probe_later_pure", limits)));
    services.push_back(
        service(kLongPort, kF002, attach_probe(long_probe, runtime, "probe_long", limits)));
    auto snapshot = Snapshot::create(std::move(services), {Identity{enrolled_.public_key()}});
    ASSERT_TRUE(snapshot) << snapshot.error().to_string();
    publish(*std::move(snapshot));
    // As in a server, the worker meets every snapshot: the next one may lie where this one did.
    poll_all();
  }

  Service service(std::uint16_t udp_port, const KeyUse& use,
                  std::shared_ptr<const Handler> handler) {
    Service made =
        make_service(udp_port, "echo", server_keys_.at(udp_port), ClientPolicy::kOptional, {}, use);
    made.handler = std::move(handler);
    if (udp_port != kLaterPurePort) made.reply_limit = kReplyLimitMax;
    return made;
  }

  /// All its messages are to be answered later.
  void note_tokens(Probe& of) {
    of.handle = [this](std::span<library::Message> messages) {
      for (library::Message& message : messages) tokens_.push_back(message.later());
    };
  }

  Call later_call(const Bytes& message, const PrivateKey* key = nullptr) {
    Call made = seal_to(server_keys_.at(kLaterPort), kF002, kLaterPort, message, key);
    put(made);
    return made;
  }

  [[nodiscard]] const telemetry::LaterCounters& later() const { return worker_->counters().later; }

  std::vector<std::uint64_t> tokens_;

 private:
  bool ended_ = false;
};

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
