#include "tools/load/hostile.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tools/load/echo_server.hpp"

namespace pssst::tools::load {
namespace {

using test::Bytes;
using test::EchoServer;

class Hostile : public testing::Test {
 protected:
  Hostile() {
    auto maker = HostileMaker::create(server_.public_key());
    if (!maker) throw std::runtime_error(maker.error().to_string());
    maker_ = *std::move(maker);
  }
  std::set<DropReason> drops_of(HostileKind kind) {
    std::set<DropReason> drops;
    for (int i = 0; i < 100; ++i) {
      const Bytes datagram = maker_->make(kind, 64);
      EXPECT_LE(datagram.size(), kDatagramSizeMax);
      drops.insert(server_.drop_of(datagram));
    }
    return drops;
  }

  EchoServer server_;
  std::unique_ptr<HostileMaker> maker_;
};

TEST_F(Hostile, EachKindIsDroppedForItsReason) {
  using enum DropReason;
  const std::map<HostileKind, std::set<DropReason>> wanted{
      {HostileKind::kJunk, {kTag}},
      {HostileKind::kTruncated, {kTooShort, kTooShortForSuite}},
      {HostileKind::kHeader, {kSuite, kReplyFlag, kReservedFlags}},
      {HostileKind::kNotCanonical, {kDhNotCanonical}},
      {HostileKind::kSmallOrder, {kDhSmallOrder}},
      {HostileKind::kWrongKey, {kTag}},
      {HostileKind::kUnknownClient, {kClientUnknown}},
  };
  for (const auto& [kind, drops] : wanted) {
    EXPECT_EQ(drops_of(kind), drops) << kHostileKinds.at(static_cast<std::size_t>(kind)).name;
  }
  EXPECT_EQ(wanted.size() + 1, kHostileKindCount) << "all but replays";
}

TEST_F(Hostile, SmallOrderTakesAllFivePoints) {
  std::set<Bytes> points;
  for (int i = 0; i < 20; ++i) {
    const Bytes datagram = maker_->make(HostileKind::kSmallOrder, 0);
    points.emplace(datagram.begin() + kDhOffset, datagram.begin() + kDhOffset + kDhSize);
  }
  EXPECT_EQ(points.size(), 5u);
}

TEST_F(Hostile, LargestMessagesStillFitADatagram) {
  for (std::size_t i = 0; i + 1 < kHostileKindCount; ++i) {
    const Bytes datagram = maker_->make(static_cast<HostileKind>(i), kReplySizeMax);
    EXPECT_LE(datagram.size(), kDatagramSizeMax) << kHostileKinds.at(i).name;
  }
}

TEST_F(Hostile, KindsHaveNames) {
  EXPECT_EQ(find_hostile_kind("small-order"), HostileKind::kSmallOrder);
  EXPECT_EQ(find_hostile_kind("replay"), HostileKind::kReplay);
  EXPECT_FALSE(find_hostile_kind("rubbish"));
}

TEST_F(Hostile, APoolKeepsToTheWeightsAndTakesReplaysInTurn) {
  HostileWeights weights{};
  weights[static_cast<std::size_t>(HostileKind::kJunk)] = 3;
  weights[static_cast<std::size_t>(HostileKind::kReplay)] = 1;
  const std::vector<Bytes> replays{Bytes(60, 1), Bytes(60, 2)};
  HostilePool pool(*maker_, weights, {{64, 1}}, 16, replays);
  std::map<HostileKind, int> counts;
  std::set<Bytes> replayed;
  for (int i = 0; i < 32; ++i) {
    const HostilePool::Datagram& datagram = pool.next();
    ++counts[datagram.kind];
    if (datagram.kind == HostileKind::kReplay) replayed.insert(datagram.bytes);
  }
  EXPECT_EQ(counts,
            (std::map<HostileKind, int>{{HostileKind::kJunk, 24}, {HostileKind::kReplay, 8}}));
  EXPECT_EQ(replayed, (std::set<Bytes>{replays.begin(), replays.end()}));
}

}  // namespace
}  // namespace pssst::tools::load
