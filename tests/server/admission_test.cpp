#include "server/admission.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace pssst::server {
namespace {

constexpr std::uint64_t kHz = 100;
constexpr std::uint64_t kLifetime = Admission::kKnownSeconds * kHz;
constexpr unsigned kShare = 25;  // percent
constexpr std::uint8_t kKnown = 1;
constexpr std::uint8_t kStranger = 2;

net::Datagram from(std::uint8_t prefix, std::uintptr_t number) {
  net::Datagram datagram;
  datagram.source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, prefix, 1};
  datagram.handle = number;
  return datagram;
}

/// The numbers of what a burst of `lanes` takes.
std::vector<std::uintptr_t> take(Admission& admission, std::size_t lanes) {
  std::vector<QueuedDatagram> burst(lanes);
  burst.resize(admission.take(burst, kShare));
  std::vector<std::uintptr_t> numbers;
  for (const QueuedDatagram& queued : burst) numbers.push_back(queued.datagram.handle);
  return numbers;
}

std::size_t count_below(const std::vector<std::uintptr_t>& numbers, std::uintptr_t limit) {
  return static_cast<std::size_t>(
      std::count_if(numbers.begin(), numbers.end(), [=](std::uintptr_t n) { return n < limit; }));
}

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() { admission_.remember(from(kKnown, 0), 0); }

  Admission::Added add(const net::Datagram& datagram, std::uint64_t now) {
    SourcePrefixes source;
    admission_.find_source(datagram, source);
    return admission_.add(datagram, source, protection_, now);
  }
  bool is_replay(const std::array<std::uint8_t, kDhSize>& dh, std::uint64_t now) {
    return admission_.is_replay(admission_.key_of(dh), now);
  }
  void fill(std::uint8_t prefix, std::uintptr_t first, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(add(from(prefix, first + i), 1).drop, DropReason::kNone);
    }
  }

  static ProtectionMemory memory() {
    ProtectionMemory memory;
    memory.replay_window = std::chrono::seconds(10);
    return memory;
  }

  Protection protection_;
  static constexpr std::size_t kCapacity = 100;
  static constexpr std::size_t kBurst = 64;
  Admission admission_{kCapacity, kBurst, memory(), kHz};
};

TEST_F(AdmissionTest, SortsByPrefix) {
  EXPECT_TRUE(add(from(kKnown, 0), 1).known);
  EXPECT_FALSE(add(from(kStranger, 0), 1).known);
  EXPECT_FALSE(add(from(kKnown, 0), kLifetime).known);
  EXPECT_EQ(admission_.size(), 3U);
}

TEST_F(AdmissionTest, FirstInFirstOut) {
  EXPECT_TRUE(take(admission_, 32).empty());
  fill(kStranger, 1, 5);
  EXPECT_EQ(take(admission_, 4), (std::vector<std::uintptr_t>{1, 2, 3, 4}));
  fill(kStranger, 6, 2);
  EXPECT_EQ(take(admission_, 4), (std::vector<std::uintptr_t>{5, 6, 7}));
  EXPECT_EQ(admission_.size(), 0U);
}

TEST_F(AdmissionTest, StrangersGetTheirShareAndNoMoreWhileTheKnownWait) {
  fill(kKnown, 0, 80);
  fill(kStranger, 1000, 80);
  const auto burst = take(admission_, 32);
  ASSERT_EQ(burst.size(), 32U);
  EXPECT_EQ(count_below(burst, 1000), 24U);
  EXPECT_EQ(burst.front(), 0U);
  EXPECT_EQ(burst.back(), 1007U);
}

TEST_F(AdmissionTest, NeitherKindStarves) {
  fill(kKnown, 0, kCapacity);
  fill(kStranger, 1000, kCapacity);
  std::size_t strangers = 0;
  for (int i = 0; i < 3; ++i) {
    const auto burst = take(admission_, 32);
    strangers += burst.size() - count_below(burst, 1000);
    fill(kKnown, 0, count_below(burst, 1000));  // the known never pause
  }
  EXPECT_EQ(strangers, 24U);
}

TEST_F(AdmissionTest, AnUnusedShareGoesToTheOther) {
  fill(kKnown, 0, 60);
  fill(kStranger, 1000, 3);
  EXPECT_EQ(count_below(take(admission_, 32), 1000), 29U);
  EXPECT_EQ(count_below(take(admission_, 32), 1000), 31U);
  fill(kKnown, 0, 2);
  fill(kStranger, 1000, 60);
  const auto burst = take(admission_, 32);
  EXPECT_EQ(burst.size(), 32U);
  EXPECT_EQ(count_below(burst, 1000), 2U);
}

TEST_F(AdmissionTest, AFullQueueRefusesAndLeavesTheOtherAlone) {
  fill(kStranger, 1000, kCapacity);
  EXPECT_EQ(add(from(kStranger, 1), 1).drop, DropReason::kQueueFull);
  EXPECT_EQ(admission_.size(), kCapacity);
  fill(kKnown, 0, kCapacity);
  EXPECT_EQ(add(from(kKnown, 1), 1).drop, DropReason::kQueueFull);
  EXPECT_EQ(admission_.size(), 2 * kCapacity);
  EXPECT_EQ(take(admission_, 64).size(), 64U);
  EXPECT_EQ(add(from(kStranger, 1), 1).drop, DropReason::kNone);
}

// Every stranger's datagram is tried twice, as if its first key never opened it.
TEST_F(AdmissionTest, SecondTriesStayWithinTheirShare) {
  fill(kStranger, 1000, kCapacity);
  std::vector<QueuedDatagram> burst(kBurst);
  ASSERT_EQ(admission_.take(burst, kShare), kBurst);
  for (const QueuedDatagram& queued : burst) admission_.add_again(queued);
  EXPECT_EQ(admission_.size(), kCapacity);

  fill(kKnown, 0, kCapacity);
  std::size_t tries = 0;
  for (std::size_t again = kBurst; again > 0;) {
    const std::size_t n = admission_.take(burst, kShare);
    ASSERT_EQ(n, kBurst);
    for (const QueuedDatagram& queued : burst) {
      if (queued.known) continue;
      // None for the first time as long as others wait for their second.
      EXPECT_TRUE(queued.second_key);
      ++tries;
      --again;
    }
    EXPECT_EQ(tries % (kBurst * kShare / 100), 0U);
    fill(kKnown, 0, kBurst - kBurst * kShare / 100);
  }
  EXPECT_EQ(tries, kBurst);
}

TEST_F(AdmissionTest, ASecondTryOfAKnownSourceComesFirst) {
  fill(kKnown, 0, 2);
  std::vector<QueuedDatagram> burst(4);
  ASSERT_EQ(admission_.take(burst, kShare), 2U);
  admission_.add_again(burst[1]);
  fill(kKnown, 7, 1);
  EXPECT_EQ(take(admission_, 4), (std::vector<std::uintptr_t>{1, 7}));
}

TEST_F(AdmissionTest, TheShareOfStrangersIsWhatIsSaidAndAtLeastALane) {
  fill(kKnown, 0, 90);
  fill(kStranger, 1000, 90);
  std::vector<QueuedDatagram> burst(32);
  const auto strangers = [&](unsigned share) {
    EXPECT_EQ(admission_.take(burst, share), burst.size());
    return std::count_if(burst.begin(), burst.end(),
                         [](const QueuedDatagram& queued) { return !queued.known; });
  };
  EXPECT_EQ(strangers(50), 16);
  EXPECT_EQ(strangers(1), 1);
  EXPECT_EQ(strangers(100), 32);
}

TEST_F(AdmissionTest, WithoutMemoryAllAreAlike) {
  ProtectionMemory nothing = memory();
  nothing.known_sources = 0;
  nothing.charged_sources = 0;
  Admission admission(kCapacity, kBurst, nothing, kHz);
  const net::Datagram datagram = from(kKnown, 0);
  admission.remember(datagram, 0);
  admission.begin(protection_, 0);
  for (int i = 0; i < 10'000; ++i) admission.settle(datagram, DropReason::kTag, protection_, 0);
  SourcePrefixes source;
  admission.find_source(datagram, source);
  const Admission::Added added = admission.add(datagram, source, protection_, 1);
  EXPECT_EQ(added.drop, DropReason::kNone);
  EXPECT_FALSE(added.known);
  EXPECT_FALSE(added.over_rate);
}

class AdmissionLimits : public AdmissionTest {
 protected:
  AdmissionLimits() { admission_.begin(protection_, 0); }
  bool is_over(const net::Datagram& datagram) {
    const Admission::Added added = add(datagram, 0);
    EXPECT_EQ(take(admission_, 4).size(), added.drop == DropReason::kNone ? 1U : 0U);
    EXPECT_EQ(added.over_rate, protection_.limit == LimitMode::kCount && added.over_rate);
    return added.drop == DropReason::kSourceRate || added.over_rate;
  }
  void charge(const net::Datagram& datagram, int times) {
    for (int i = 0; i < times; ++i) admission_.settle(datagram, DropReason::kTag, protection_, 0);
  }
};

TEST_F(AdmissionLimits, AreForOnePrefixAlone) {
  charge(from(kKnown, 0), 1000);
  EXPECT_TRUE(is_over(from(kKnown, 0)));
  EXPECT_FALSE(is_over(from(kStranger, 0)));
}

TEST_F(AdmissionLimits, CanBeSwitchedOff) {
  charge(from(kKnown, 0), 1000);
  protection_.limit = LimitMode::kOff;
  EXPECT_FALSE(is_over(from(kKnown, 0)));
  charge(from(kStranger, 0), 5000);
  protection_.limit = LimitMode::kCount;
  EXPECT_TRUE(is_over(from(kKnown, 0)));
  EXPECT_FALSE(is_over(from(kStranger, 0)));
}

TEST_F(AdmissionLimits, AreNotForWhoeverIsAllowed) {
  protection_.allow = {*parse_address_range("10.0.1.1")};
  charge(from(kKnown, 0), 5000);
  protection_.allow = {*parse_address_range("10.0.2.0/24")};
  EXPECT_FALSE(is_over(from(kKnown, 0))) << "it was not charged";
  charge(from(kKnown, 0), 1000);
  EXPECT_TRUE(is_over(from(kKnown, 0)));
  protection_.allow = {*parse_address_range("10.0.0.0/16")};
  EXPECT_FALSE(is_over(from(kKnown, 0)));
}

TEST_F(AdmissionLimits, AreSeenAgainWhenADatagramIsTaken) {
  charge(from(kKnown, 0), 999);
  EXPECT_EQ(add(from(kKnown, 1), 0).drop, DropReason::kNone);
  EXPECT_FALSE(admission_.is_spent(from(kKnown, 1), protection_, 0));
  charge(from(kKnown, 0), 1);
  EXPECT_TRUE(admission_.is_spent(from(kKnown, 1), protection_, 0));
  for (const LimitMode mode : {LimitMode::kCount, LimitMode::kOff}) {
    protection_.limit = mode;
    EXPECT_FALSE(admission_.is_spent(from(kKnown, 1), protection_, 0));
  }
  protection_.limit = LimitMode::kDrop;
  protection_.charge = Charge::kAll;  // it has paid
  EXPECT_FALSE(admission_.is_spent(from(kKnown, 1), protection_, 0));
}

TEST_F(AdmissionLimits, AFullQueueIsSaidFirst) {
  fill(kStranger, 1, kCapacity);
  charge(from(kStranger, 0), 1000);
  EXPECT_EQ(add(from(kStranger, 1), 0).drop, DropReason::kQueueFull);
}

TEST_F(AdmissionTest, FindsReplaysWithinTheWindow) {
  std::array<std::uint8_t, kDhSize> dh{1, 2, 3};
  EXPECT_FALSE(is_replay(dh, 0));
  EXPECT_TRUE(is_replay(dh, 0));
  EXPECT_TRUE(is_replay(dh, 10 * kHz - 1));
  for (std::size_t i = 0; i < dh.size(); ++i) {
    std::array<std::uint8_t, kDhSize> other = dh;
    other.at(i) ^= 0x80;
    EXPECT_FALSE(is_replay(other, 0)) << i;
  }
  EXPECT_FALSE(is_replay(dh, 10 * kHz)) << "a replay makes it no younger";
  EXPECT_TRUE(is_replay(dh, 10 * kHz + 1));
}

TEST_F(AdmissionTest, WithoutAWindowThereAreNoReplays) {
  Admission admission(kCapacity, kBurst, ProtectionMemory{}, kHz);
  const std::array<std::uint8_t, kDhSize> dh{1, 2, 3};
  EXPECT_FALSE(admission.is_replay(admission.key_of(dh), 0));
  EXPECT_FALSE(admission.is_replay(admission.key_of(dh), 0));
}

TEST(DatagramQueue, KeepsOrderAroundTheEndOfItsRing) {
  DatagramQueue queue(3);
  std::array<QueuedDatagram, 2> out{};
  std::uintptr_t in = 0;
  std::uintptr_t expected = 0;
  for (int round = 0; round < 20; ++round) {
    while (queue.push({.datagram = from(kStranger, in)})) ++in;
    EXPECT_EQ(queue.size(), 3U);
    ASSERT_EQ(queue.pop(out), 2U);
    EXPECT_EQ(out[0].datagram.handle, expected++);
    EXPECT_EQ(out[1].datagram.handle, expected++);
  }
  EXPECT_EQ(queue.pop(out), 1U);
  EXPECT_EQ(queue.pop(out), 0U);
}

TEST(IsFaultOfSource, IsWhatWasMultipliedForNothing) {
  for (const DropReason reason :
       {DropReason::kTag, DropReason::kClientUnknown, DropReason::kClientRevoked,
        DropReason::kProofMismatch, DropReason::kClientTag, DropReason::kPadding}) {
    EXPECT_TRUE(is_fault_of_source(reason)) << to_string(reason);
  }
  for (const DropReason reason :
       {DropReason::kNone, DropReason::kTooShort, DropReason::kDhSmallOrder, DropReason::kQueueFull,
        DropReason::kSourceRate, DropReason::kClientsUnavailable, DropReason::kReplyTooLong,
        DropReason::kTransmit, DropReason::kShutdown}) {
    EXPECT_FALSE(is_fault_of_source(reason)) << to_string(reason);
  }
}

}  // namespace
}  // namespace pssst::server
