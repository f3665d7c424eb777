#include "server/worker.hpp"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <atomic>
#include <thread>

#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

TEST_F(WorkerTest, NothingToDo) {
  EXPECT_TRUE(worker_->poll_once());  // its own request
  const Books first = books();
  EXPECT_EQ(first.loops_busy, 1U);
  EXPECT_FALSE(worker_->poll_once());
  EXPECT_EQ(books().loops, 2U);
  EXPECT_EQ(books().loops_busy, 1U);
  EXPECT_EQ(books().tsc_busy, first.tsc_busy);
}

TEST_F(WorkerTest, AnswersAnonymousAndAuthenticatedRequestsOfAllSizes) {
  std::vector<Call> calls;
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 64U, 512U, 1300U, 1356U}) {
    calls.push_back(call(kEchoPort, Bytes(size, 0xa5)));
    calls.push_back(call(kEchoPort, Bytes(size, 0x5a), &enrolled_));
  }
  calls.push_back(call(kEchoPort, Bytes(kReplySizeMax, 1)));
  poll_all();
  for (Call& one : calls) EXPECT_TRUE(replied(one, one.message)) << one.message.size();
  const auto services = worker_->counters().services();
  EXPECT_EQ(services[0].requests.read(), 19U);
  EXPECT_EQ(services[0].authenticated.read(), 9U);
  EXPECT_EQ(services[0].replied.read(), 19U);
  EXPECT_EQ(services[1].requests.read(), 0U);
}

TEST_F(WorkerTest, RepliesGoBackWhereTheRequestCameFrom) {
  const Call one = call(kEchoPort, {1}, nullptr, MemoryPort::source(198, 51, 100));
  poll_all();
  const MemoryPort::Sent* sent = port_.reply_to(one.request);
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->to, MemoryPort::source(198, 51, 100));
  EXPECT_EQ(sent->udp_port, kEchoPort);
}

TEST_F(WorkerTest, OneBurstMixesServicesKeysAndClients) {
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 48; ++i) {
    switch (i % 4) {
      case 0:
        calls.push_back(call(kEchoPort, Bytes(i, i), i % 8 == 0 ? &enrolled_ : nullptr));
        break;
      case 1:
        calls.push_back(call(kDiscardPort, Bytes(i, i)));
        break;
      case 2:
        calls.push_back(call(kAckPort, Bytes(i, i), &enrolled_));
        break;
      default:
        calls.push_back(call(kAnonymousPort, Bytes(i, i)));
    }
  }
  poll_all();
  for (Call& one : calls) {
    if (one.udp_port == kDiscardPort) {
      EXPECT_EQ(port_.reply_to(one.request), nullptr);
    } else {
      EXPECT_TRUE(replied(one, one.udp_port == kAckPort ? Bytes{'o', 'k'} : one.message));
    }
  }
  EXPECT_EQ(books().replied, 36U);
  EXPECT_EQ(books().answered_without_reply, 12U);
  EXPECT_EQ(books().pending, 0U);
  EXPECT_EQ(books().lanes, 48U);
}

TEST_F(WorkerTest, CountsEveryReasonAndAnswersTheNextRequest) {
  Call good = seal(kEchoPort, {1, 2, 3});
  const auto changed = [&](std::size_t at, std::uint8_t by) {
    Bytes datagram = good.datagram;
    datagram.at(at) ^= by;
    return datagram;
  };
  Bytes zero_dh = good.datagram;
  std::fill_n(zero_dh.begin() + kDhOffset, kDhSize, std::uint8_t{0});
  const struct {
    Bytes datagram;
    std::uint16_t udp_port;
    DropReason reason;
  } cases[] = {
      {{}, kEchoPort, DropReason::kTooShort},
      {{0, 0, 0}, kEchoPort, DropReason::kTooShort},
      {changed(3, 2), kEchoPort, DropReason::kSuite},
      {changed(0, 0x80), kEchoPort, DropReason::kReplyFlag},
      {changed(1, 1), kEchoPort, DropReason::kReservedFlags},
      {Bytes(good.datagram.begin(), good.datagram.begin() + 51), kEchoPort,
       DropReason::kTooShortForSuite},
      {good.datagram, kAckPort, DropReason::kPolicyAnonymous},
      {seal(kAnonymousPort, {}, &enrolled_).datagram, kAnonymousPort,
       DropReason::kPolicyAuthenticated},
      {changed(kDhOffset + 31, 0x80), kEchoPort, DropReason::kDhNotCanonical},
      {zero_dh, kEchoPort, DropReason::kDhSmallOrder},
      {changed(good.datagram.size() - 1, 1), kEchoPort, DropReason::kTag},
      {changed(kCiphertextOffset, 1), kEchoPort, DropReason::kTag},
      {good.datagram, kDiscardPort, DropReason::kTag},
      {seal(kEchoPort, {}, &stranger_).datagram, kEchoPort, DropReason::kClientUnknown},
      {seal(kAckPort, {}, &stranger_).datagram, kAckPort, DropReason::kClientUnknown},
      {seal(kTooLongPort, {}).datagram, kTooLongPort, DropReason::kReplyTooLong},
      {seal(kTalkingPort, {}).datagram, kTalkingPort, DropReason::kReplyTooLong},
      {Bytes(kDatagramSizeMax + 1), kEchoPort, DropReason::kFrameOversized},
      {good.datagram, kNoServicePort, DropReason::kUdpPort},
  };
  std::uint64_t expected_replies = 0;
  for (const auto& [datagram, udp_port, reason] : cases) {
    const std::uint64_t before = drops(reason);
    const std::size_t request = port_.put(datagram, udp_port);
    poll_all();
    EXPECT_EQ(drops(reason), before + 1) << to_string(reason);
    EXPECT_EQ(port_.reply_to(request), nullptr);
    EXPECT_TRUE(books().balanced()) << to_string(reason);
    EXPECT_EQ(books().pending, 0U);
    Call next = call(kEchoPort, {9});
    poll_all();
    EXPECT_TRUE(replied(next, {9}));
    EXPECT_EQ(books().replied, ++expected_replies);
  }
}

TEST_F(WorkerTest, ABadLaneHarmsNoOther) {
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 16; ++i) {
    port_.put(junk(), kEchoPort);
    calls.push_back(call(kEchoPort, {i}));
    port_.put(seal(kEchoPort, {i}, &stranger_).datagram, kEchoPort);
    port_.put(seal(kTooLongPort, {i}).datagram, kTooLongPort);
  }
  poll_all();
  for (Call& one : calls) EXPECT_TRUE(replied(one, one.message));
  EXPECT_EQ(drops(DropReason::kTag), 16U);
  EXPECT_EQ(drops(DropReason::kClientUnknown), 16U);
  EXPECT_EQ(drops(DropReason::kReplyTooLong), 16U);
}

TEST_F(WorkerTest, AReplyThatThePortDoesNotTakeIsADrop) {
  port_.may_send = [](std::size_t request) { return request % 3 != 0; };
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 30; ++i) calls.push_back(call(kEchoPort, {i}));
  poll_all();
  for (Call& one : calls) {
    if (one.request % 3 != 0) {
      EXPECT_TRUE(replied(one, one.message));
    } else {
      EXPECT_EQ(port_.reply_to(one.request), nullptr);
    }
  }
  EXPECT_EQ(drops(DropReason::kTransmit), 10U);
  EXPECT_EQ(worker_->counters().services()[0].replied.read(), 20U);
  port_.may_send = [](std::size_t) { return false; };
  call(kEchoPort, {});
  poll_all();
  EXPECT_EQ(drops(DropReason::kTransmit), 11U);
  // A port that knows better why is believed.
  port_.unsent = DropReason::kReplyOverMtu;
  call(kEchoPort, {});
  poll_all();
  EXPECT_EQ(drops(DropReason::kReplyOverMtu), 1U);
  EXPECT_EQ(worker_->counters().services()[0].drops.read(DropReason::kReplyOverMtu), 1U);
  EXPECT_EQ(drops(DropReason::kTransmit), 11U);
}

TEST_F(WorkerTest, AFullQueueDropsAndTheBooksBalanceMeanwhile) {
  put_junk(kReceiveBatch * kReceivePassesMax, MemoryPort::source(10, 0, 0));
  EXPECT_TRUE(worker_->poll_once());
  const std::size_t queued = admission_queue_capacity(port_.capacity(), worker_->burst_limit());
  EXPECT_EQ(drops(DropReason::kQueueFull), kReceiveBatch * kReceivePassesMax - queued);
  EXPECT_EQ(books().pending, queued - (worker_->burst_limit() - 1));
  EXPECT_TRUE(books().balanced());
  EXPECT_EQ(books().admitted_unknown, queued);
  poll_all();
  EXPECT_EQ(drops(DropReason::kTag), queued);
}

TEST_F(WorkerTest, KnownSourcesAreServedFirstInAFlood) {
  const MemoryPort::Source known = MemoryPort::source(192, 0, 2);
  const MemoryPort::Source flooder = MemoryPort::source(10, 0, 0);
  call(kEchoPort, {1}, nullptr, known);
  poll_all();
  put_junk(400, flooder);
  Call good = call(kEchoPort, {2}, nullptr, known);
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_TRUE(replied(good, {2}));
  EXPECT_EQ(books().admitted_known, 1U);
  EXPECT_GT(books().pending, 0U);
  poll_all();
}

TEST_F(WorkerTest, OnlyValidRequestsMakeASourceKnown) {
  const MemoryPort::Source source = MemoryPort::source(10, 0, 0);
  port_.put(junk(), kEchoPort, source);
  port_.put(seal(kEchoPort, {}, &stranger_).datagram, kEchoPort, source);
  poll_all();
  call(kEchoPort, {1}, nullptr, source);
  poll_all();
  EXPECT_EQ(books().admitted_known, 0U);
  call(kEchoPort, {1}, nullptr, source);
  poll_all();
  EXPECT_EQ(books().admitted_known, 1U);
}

TEST_F(WorkerTest, CountsBurstsLanesAndBusyTime) {
  for (std::uint8_t i = 0; i < 5; ++i) call(kEchoPort, {i});
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_FALSE(worker_->poll_once());
  const Books now = books();
  EXPECT_EQ(now.bursts, 1U);
  EXPECT_EQ(now.lanes, 5U);
  EXPECT_EQ(now.loops, 2U);
  EXPECT_EQ(now.loops_busy, 1U);
  EXPECT_GT(now.tsc_busy, 0U);
  EXPECT_GT(now.tsc_total, now.tsc_busy);
}

TEST_F(WorkerTest, StopsAfterAnsweringWhatIsQueuedAndReceivesNothingNew) {
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 100; ++i) calls.push_back(call(kEchoPort, {i}));
  EXPECT_TRUE(worker_->poll_once());
  const Call late = call(kEchoPort, {200});
  const std::atomic<bool> stop = true;
  worker_->run(stop);
  for (Call& one : calls) EXPECT_TRUE(replied(one, one.message));
  EXPECT_EQ(port_.reply_to(late.request), nullptr);
  EXPECT_EQ(books().pending, 0U);
  EXPECT_EQ(books().datagrams, 100U);
}

class ProofTablesWorkerTest : public WorkerTest {
 protected:
  ProofTablesWorkerTest() : WorkerTest(settings()) {}
  static WorkerSettings settings() {
    WorkerSettings settings;
    settings.proof_table_memory = 100000;
    return settings;
  }
};

TEST_F(ProofTablesWorkerTest, AClientThatComesBackIsProvedByTable) {
  for (std::uint8_t i = 0; i < 5; ++i) {
    Call one = call(kAckPort, {i}, &enrolled_);
    poll_all();
    EXPECT_TRUE(replied(one, {'o', 'k'}));
  }
  EXPECT_EQ(books().proofs_by_ladder, 2U);
  EXPECT_EQ(books().proof_tables_built, 1U);
  EXPECT_EQ(books().proofs_by_table, 3U);
}

TEST(ProofTableMemory, IsWhatTheClientsCanUseWithinTheLimit) {
  constexpr std::size_t kLimit = std::size_t{256} << 20;
  EXPECT_EQ(proof_table_memory(0, 1000), 0U);
  EXPECT_EQ(proof_table_memory(kLimit, 1'000'000), kLimit);
  const std::size_t for_nobody = proof_table_memory(kLimit, 0);
  EXPECT_GT(for_nobody, 1'000'000U);
  EXPECT_LT(for_nobody, 10'000'000U);
  EXPECT_GE(proof_table_memory(kLimit, 50'000) - for_nobody, 50'000U * 1536);
}

TEST_F(WorkerTest, WithoutMemoryForTablesEveryProofIsAMultiplication) {
  for (std::uint8_t i = 0; i < 5; ++i) call(kAckPort, {i}, &enrolled_);
  poll_all();
  EXPECT_EQ(books().proofs_by_ladder, 5U);
  EXPECT_EQ(books().proof_tables_built, 0U);
}

class ImpatientWorkerTest : public WorkerTest {
 protected:
  ImpatientWorkerTest() : WorkerTest(settings()) {}
  static WorkerSettings settings() {
    WorkerSettings settings;
    settings.drain_max = std::chrono::milliseconds(0);
    settings.polls_before_wait = 3;
    return settings;
  }
};

TEST_F(ImpatientWorkerTest, WhatCannotBeAnsweredInTimeIsCounted) {
  for (std::uint8_t i = 0; i < 100; ++i) call(kEchoPort, {i});
  EXPECT_TRUE(worker_->poll_once());
  const std::atomic<bool> stop = true;
  worker_->run(stop);
  // One lane was the worker's own.
  EXPECT_EQ(books().replied, worker_->burst_limit() - 1);
  EXPECT_EQ(drops(DropReason::kShutdown), 100 - (worker_->burst_limit() - 1));
  EXPECT_EQ(books().pending, 0U);
}

TEST_F(ImpatientWorkerTest, WaitsWhenIdleAndPollsFirst) {
  std::atomic<bool> stop = false;
  Call one = call(kEchoPort, {1});
  port_.on_wait = [&] {
    if (port_.waits() == 2) stop = true;
  };
  worker_->run(stop);
  EXPECT_EQ(port_.waits(), 2U);
  // One busy loop; two empty ones, after each of which it prepares the client for a key; then
  // polls_before_wait more and the wait, one more and the wait; the end.
  EXPECT_EQ(books().loops, 1U + 2U + 3U + 1U + 1U);
  EXPECT_EQ(books().loops_busy, 1U);
  EXPECT_TRUE(replied(one, {1}));
}

TEST_F(WorkerTest, SpinsWithoutWaitingUntilItIsStopped) {
  std::atomic<bool> stop = false;
  std::thread thread([&] { worker_->run(stop); });
  while (books().loops < 1000) std::this_thread::yield();
  stop = true;
  thread.join();
  EXPECT_EQ(port_.waits(), 0U);
}

TEST_F(WorkerTest, ServesFromTheSnapshotThatWasPublishedLast) {
  for (std::uint8_t i = 0; i < 100; ++i) call(kEchoPort, {i});
  EXPECT_TRUE(worker_->poll_once());
  const std::uint64_t answered = books().replied;
  // The echo service goes while its requests are queued.
  std::vector<Service> services = make_services();
  services.erase(services.begin());
  const std::size_t left = services.size();
  auto next = Snapshot::create(std::move(services), {Identity{enrolled_.public_key()}});
  ASSERT_TRUE(next);
  publish(std::move(*next));
  EXPECT_EQ(snapshots_->current().services().size(), left);
  poll_all();
  EXPECT_EQ(books().replied, answered);
  EXPECT_EQ(drops(DropReason::kUdpPort), 100 - answered);
  Call ack = call(kAckPort, {}, &enrolled_);
  poll_all();
  EXPECT_TRUE(replied(ack, {'o', 'k'}));
}

class SmallPortTest : public WorkerTest {
 protected:
  SmallPortTest() : WorkerTest({}, 2 * kReceiveBatch) {}
};

TEST_F(SmallPortTest, HoldsNoMoreThanThePortAllows) {
  for (int i = 0; i < 8; ++i) {
    put_junk(40, MemoryPort::source(10, 0, 0));
    call(kEchoPort, {1});
    worker_->poll_once();
    EXPECT_LE(port_.held_max(), port_.capacity());
  }
  poll_all();
}

TEST(AdmissionQueueCapacity, KeepsWithinThePortAndThirtyTwoBursts) {
  EXPECT_EQ(admission_queue_capacity(1024, 32), 480U);
  EXPECT_EQ(admission_queue_capacity(100'000, 32), 1024U);
  EXPECT_EQ(admission_queue_capacity(2 * kReceiveBatch, 64), 32U);
}

TEST(CheckRoundingMode, AcceptsOnlyToNearest) {
  const unsigned before = _mm_getcsr();
  EXPECT_TRUE(check_rounding_mode());
  for (const unsigned mode : {_MM_ROUND_DOWN, _MM_ROUND_UP, _MM_ROUND_TOWARD_ZERO}) {
    _MM_SET_ROUNDING_MODE(mode);
    const auto checked = check_rounding_mode();
    _mm_setcsr(before);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().what.find("round to nearest"), std::string::npos);
  }
}

TEST(WorkerCreate, NamesAKernelThatDoesNotExist) {
  MemoryPort port;
  auto snapshot =
      Snapshot::create(services_of(make_service(1, "echo", PrivateKey::generate())), {});
  ASSERT_TRUE(snapshot);
  Published<Snapshot> snapshots(std::move(*snapshot), 1);
  WorkerSettings settings;
  settings.x25519_kernel = "abacus";
  const auto worker = Worker<MemoryPort>::create(port, snapshots, settings);
  ASSERT_FALSE(worker);
  EXPECT_NE(worker.error().what.find("abacus"), std::string::npos);
}

}  // namespace
}  // namespace pssst::server
