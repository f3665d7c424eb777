// What a worker does under fire.
#include <gtest/gtest.h>

#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

constexpr std::uint32_t kBurst = 100;  ///< what a source may cost at once

class WorkerProtection : public WorkerTest {
 protected:
  explicit WorkerProtection(WorkerSettings settings = {}) : WorkerTest(std::move(settings)) {
    // So slow that nothing is forgiven while a test runs.
    for (RateLimit* limit : {&protection_.rates.ipv4_32, &protection_.rates.ipv4_24,
                             &protection_.rates.ipv6_64, &protection_.rates.ipv6_48}) {
      *limit = {.rate = 1, .burst = 1000 * kBurst};
    }
    protection_.rates.ipv4_24 = {.rate = 1, .burst = kBurst};
    apply();
  }

  void apply() {
    auto next =
        Snapshot::create(make_services(), {Identity{enrolled_.public_key()}}, nullptr, protection_);
    ASSERT_TRUE(next);
    publish(std::move(*next));
  }

  Protection protection_;
  const MemoryPort::Source attacker_ = MemoryPort::source(198, 51, 100);
  const MemoryPort::Source honest_ = MemoryPort::source(192, 0, 2);
};

TEST_F(WorkerProtection, JunkOfOnePrefixStopsCostingMultiplications) {
  for (int i = 0; i < 20; ++i) {
    put_junk(50, attacker_);
    poll_all();
  }
  // What is in a burst when the limit is reached is multiplied all the same.
  EXPECT_GE(drops(DropReason::kTag), kBurst);
  EXPECT_LT(drops(DropReason::kTag), kBurst + worker_->burst_limit());
  EXPECT_EQ(drops(DropReason::kSourceRate) + drops(DropReason::kTag), 1000U);
  EXPECT_EQ(worker_->counters().services()[0].drops.read(DropReason::kSourceRate),
            drops(DropReason::kSourceRate));
  // However little it was over: now it is well over.
  protection_.rates.ipv4_24.burst = kBurst / 2;
  apply();
  Call good = call(kEchoPort, {1}, nullptr, honest_);
  const Call of_the_same = call(kEchoPort, {2}, nullptr, attacker_);
  poll_all();
  EXPECT_TRUE(replied(good, {1}));
  EXPECT_EQ(port_.reply_to(of_the_same.request), nullptr);
}

TEST_F(WorkerProtection, AQueueFullOfJunkCostsNoMoreThanABurst) {
  put_junk(400, attacker_);
  poll_all();
  EXPECT_LT(drops(DropReason::kTag), kBurst + worker_->burst_limit());
  EXPECT_EQ(drops(DropReason::kSourceRate) + drops(DropReason::kTag), 400U);
}

TEST_F(WorkerProtection, EveryFaultThatCostAMultiplicationCounts) {
  for (std::uint32_t i = 0; i < kBurst / 2 + 1; ++i) {  // or one would be forgiven by then
    call(kEchoPort, {1}, &stranger_, attacker_);
    call(kTimePort, {1}, &stranger_, attacker_);
  }
  poll_all();
  EXPECT_EQ(drops(DropReason::kClientUnknown), kBurst + 2);
  put_junk(1, attacker_);
  poll_all();
  EXPECT_EQ(drops(DropReason::kSourceRate), 1U);
}

TEST_F(WorkerProtection, WhatIsCheapOrOurOwnFaultDoesNot) {
  Bytes zero_dh = junk();
  std::fill_n(zero_dh.begin() + kDhOffset, kDhSize, std::uint8_t{0});
  for (std::uint32_t i = 0; i < kBurst; ++i) {
    port_.put(zero_dh, kEchoPort, attacker_);
    port_.put(Bytes{1}, kEchoPort, attacker_);
    call(kTooLongPort, {}, nullptr, attacker_);
  }
  poll_all();
  EXPECT_EQ(drops(DropReason::kReplyTooLong), kBurst);
  Call good = call(kEchoPort, {1}, nullptr, attacker_);
  poll_all();
  EXPECT_TRUE(replied(good, {1}));
}

TEST_F(WorkerProtection, HonestClientsAreNotLimitedHoweverManyShareAnAddress) {
  for (std::uint32_t i = 0; i < 3 * kBurst; ++i) {
    call(kEchoPort, {1}, i % 2 == 0 ? &enrolled_ : nullptr, honest_);
    if (i % 100 == 99) poll_all();
  }
  EXPECT_EQ(books().replied, 3 * kBurst);
  EXPECT_EQ(sum(books().datagram_drops), 0U);
}

TEST_F(WorkerProtection, OrTheyAreIfEveryDatagramIsCharged) {
  protection_.charge = Charge::kAll;
  apply();
  for (std::uint32_t i = 0; i < 3 * kBurst; ++i) call(kEchoPort, {1}, nullptr, honest_);
  poll_all();
  EXPECT_EQ(books().replied, kBurst);
  EXPECT_EQ(drops(DropReason::kSourceRate), 2 * kBurst);
}

TEST_F(WorkerProtection, AllJunkIsChargedOnceThen) {
  protection_.charge = Charge::kAll;
  apply();
  put_junk(kBurst - 1, attacker_);
  poll_all();
  Call good = call(kEchoPort, {1}, nullptr, attacker_);
  poll_all();
  EXPECT_TRUE(replied(good, {1}));
}

TEST_F(WorkerProtection, ADryRunOnlyCounts) {
  protection_.limit = LimitMode::kCount;
  apply();
  for (int i = 0; i < 10; ++i) {
    put_junk(50, attacker_);
    poll_all();
  }
  Call good = call(kEchoPort, {1}, nullptr, attacker_);
  poll_all();
  EXPECT_TRUE(replied(good, {1}));
  EXPECT_EQ(drops(DropReason::kTag), 500U);
  EXPECT_EQ(drops(DropReason::kSourceRate), 0U);
  EXPECT_GT(books().over_rate_admitted, 300U);
  EXPECT_LE(books().over_rate_admitted, 501U - kBurst);
}

TEST_F(WorkerProtection, AReloadFindsWhatWasChargedBefore) {
  protection_.limit = LimitMode::kCount;
  apply();
  put_junk(200, attacker_);
  poll_all();
  protection_.limit = LimitMode::kDrop;
  apply();
  put_junk(10, attacker_);
  poll_all();
  EXPECT_EQ(drops(DropReason::kSourceRate), 10U);
  protection_.allow = {*parse_address_range("198.51.100.0/24")};
  apply();
  put_junk(10, attacker_);
  poll_all();
  EXPECT_EQ(drops(DropReason::kSourceRate), 10U);
  protection_.allow = {};
  protection_.limit = LimitMode::kOff;
  apply();
  put_junk(10, attacker_);
  poll_all();
  EXPECT_EQ(drops(DropReason::kTag), 220U);
}

// Junk under the addresses of a known prefix comes to the queue of the known.
TEST_F(WorkerProtection, SpoofingAKnownPrefixHarmsThatPrefixAlone) {
  const MemoryPort::Source spoofed = MemoryPort::source(203, 0, 113);
  call(kEchoPort, {1}, nullptr, honest_);
  call(kEchoPort, {1}, nullptr, spoofed);
  poll_all();
  std::uint32_t answered = 0;
  for (std::uint8_t i = 0; i < 20; ++i) {
    put_junk(300, spoofed);
    Call good = call(kEchoPort, {i}, nullptr, honest_);
    worker_->poll_once();
    for (int polls = 0; polls < 3; ++polls) worker_->poll_once();
    answered += replied(good, {i}) ? 1 : 0;
  }
  EXPECT_GE(answered, 18U);
  EXPECT_LT(drops(DropReason::kTag), kBurst + worker_->burst_limit());
  poll_all();
}

class WorkerReplays : public WorkerProtection {
 protected:
  WorkerReplays() : WorkerProtection(settings()) {}
  static WorkerSettings settings() {
    WorkerSettings settings;
    settings.protection_memory.replay_window = std::chrono::seconds(60);
    return settings;
  }
};

TEST_F(WorkerReplays, AreCountedAndAnswered) {
  for (const std::uint16_t udp_port : {kEchoPort, kTimePort}) {
    const Call original = call(udp_port, {1}, nullptr, honest_);
    poll_all();
    const std::uint64_t before = books().replays;
    for (int i = 0; i < 3; ++i) port_.put(original.datagram, udp_port, honest_);
    call(udp_port, {1}, nullptr, honest_);
    poll_all();
    EXPECT_EQ(books().replays, before + 3);
  }
  EXPECT_EQ(books().replied, 10U);
}

TEST_F(WorkerReplays, MakeNoSourceKnown) {
  const Call original = call(kEchoPort, {1}, nullptr, honest_);
  poll_all();
  for (int i = 0; i < 2; ++i) {
    port_.put(original.datagram, kEchoPort, attacker_);
    poll_all();
  }
  EXPECT_EQ(books().admitted_known, 0U);
  EXPECT_EQ(books().admitted_unknown, 3U);
}

TEST_F(WorkerReplays, AreOnlyOfRequestsThatWereValid) {
  const Call one = seal(kEchoPort, {1});
  Bytes spoiled = one.datagram;
  spoiled.back() ^= 1;
  port_.put(spoiled, kEchoPort, attacker_);
  poll_all();
  port_.put(one.datagram, kEchoPort, honest_);
  poll_all();
  EXPECT_EQ(books().replays, 0U);
}

TEST_F(WorkerProtection, ReplaysAreNotLookedForUnlessAskedFor) {
  const Call original = call(kEchoPort, {1}, nullptr, honest_);
  port_.put(original.datagram, kEchoPort, honest_);
  poll_all();
  EXPECT_EQ(books().replied, 2U);
  EXPECT_EQ(books().replays, 0U);
}

}  // namespace
}  // namespace pssst::server
