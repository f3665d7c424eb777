#include "server/handler/later_replies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/tsc.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/test_services.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {
namespace {

using Found = TokenFate;

class LaterRepliesTest : public testing::Test {
 protected:
  static constexpr std::size_t kWorker = 3;
  static constexpr std::size_t kCapacity = 8;

  LaterRepliesTest() {
    burst_->size = 0;
    burst_->add(request_, service_.keys.front());
    burst_->key_material[0].fill(0x5a);
  }

  std::uint64_t keep(const AttachedHandler& handler, std::uint64_t now = 0) {
    const std::uint64_t token = later_.reserve(handler);
    EXPECT_NE(token, 0U);
    later_.keep(token, *burst_, 0, {.data = request_.data(), .handle = token}, 5, service_, now);
    return token;
  }

  [[nodiscard]] Found claim(std::uint64_t token, const AttachedHandler& handler) {
    return later_.claim({.token = token, .handler = handler.place()}, place_);
  }

  std::vector<std::uint64_t> expired(std::uint64_t now) {
    std::vector<std::uint64_t> handles;
    later_.expire(now, [&](std::size_t place) {
      handles.push_back(later_.request(place).datagram.handle);
      later_.free(place, false);
    });
    return handles;
  }

  static std::uint64_t ticks(unsigned milliseconds) { return milliseconds * base::tsc_hz() / 1000; }

  Bytes request_ = Bytes(60, 7);
  Service service_ = make_service(7700, "echo", PrivateKey::generate());
  RequestBurstPointer burst_ = make_request_burst();
  Probe probe_;
  HandlerRuntime runtime_{{0, 0, 0, 0}, kCapacity};
  std::shared_ptr<const AttachedHandler> handler_ =
      attach_probe(probe_, runtime_, "probe", {std::chrono::milliseconds(100), 6});
  std::shared_ptr<const AttachedHandler> slow_ =
      attach_probe(probe_, runtime_, "probe", {std::chrono::milliseconds(500), 6});
  LaterReplies later_{kWorker, kCapacity};
  std::size_t place_ = 99;
};

TEST_F(LaterRepliesTest, KeepsWhatSealsAReplyByValue) {
  const std::uint64_t token = keep(*handler_);
  EXPECT_EQ(LaterToken::unpack(token).worker, kWorker);
  EXPECT_EQ(later_.awaited(), 1U);
  EXPECT_EQ(later_.awaited_by_handler()[handler_->place()], 1U);
  burst_->key_material[0].fill(0);
  ASSERT_EQ(claim(token, *handler_), Found::kAwaited);
  const LaterReplies::Request& kept = later_.request(place_);
  EXPECT_EQ(kept.sealing.key_material[31], 0x5a);
  EXPECT_EQ(kept.sealing.suite, kSuite1);
  EXPECT_EQ(kept.datagram.handle, token);
  EXPECT_EQ(kept.arrival_tsc, 5U);
  later_.free(place_, true);
  EXPECT_EQ(later_.awaited(), 0U);
  EXPECT_EQ(later_.awaited_by_handler()[handler_->place()], 0U);
  EXPECT_EQ(kept.sealing.key_material[31], 0) << "not wiped";
}

TEST_F(LaterRepliesTest, IsBoundedForEachHandlerAndForAll) {
  for (int i = 0; i < 6; ++i) keep(*handler_);
  EXPECT_EQ(later_.reserve(*handler_), 0U);
  keep(*slow_);
  const std::uint64_t last = later_.reserve(*slow_);
  EXPECT_NE(last, 0U);
  EXPECT_EQ(later_.reserve(*slow_), 0U);
  later_.cancel(last);
  EXPECT_NE(later_.reserve(*slow_), 0U);
}

TEST_F(LaterRepliesTest, NoPlaceHasOneTokenTwice) {
  std::set<std::uint64_t> tokens;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t token = later_.reserve(*handler_);
    EXPECT_TRUE(tokens.insert(token).second);
    later_.cancel(token);
  }
}

TEST_F(LaterRepliesTest, TellsAnswersThatComeTwiceLateOrToNothing) {
  const std::uint64_t token = keep(*handler_);
  EXPECT_EQ(claim(token, *slow_), Found::kWrong) << "another handler's";
  ASSERT_EQ(claim(token, *handler_), Found::kAwaited);
  EXPECT_EQ(claim(token, *handler_), Found::kTwice) << "before it is freed";
  later_.free(place_, true);
  EXPECT_EQ(claim(token, *handler_), Found::kTwice);
  const std::uint64_t overdue = keep(*handler_);
  EXPECT_EQ(expired(ticks(100)), std::vector<std::uint64_t>{overdue});
  EXPECT_EQ(claim(overdue, *handler_), Found::kLate);
  LaterToken other = LaterToken::unpack(overdue);
  other.generation += 1;
  EXPECT_EQ(claim(other.pack(), *handler_), Found::kWrong);
  other.generation = 0;
  EXPECT_EQ(claim(other.pack(), *handler_), Found::kWrong);
  other = LaterToken::unpack(overdue);
  other.worker = 0;
  EXPECT_EQ(claim(other.pack(), *handler_), Found::kWrong);
  other = LaterToken::unpack(overdue);
  other.place = kCapacity;
  EXPECT_EQ(claim(other.pack(), *handler_), Found::kWrong);
}

TEST_F(LaterRepliesTest, AnOldTokenIsLateOncePlaceIsUsedAgain) {
  const std::uint64_t token = keep(*handler_);
  ASSERT_EQ(claim(token, *handler_), Found::kAwaited);
  later_.free(place_, true);
  for (std::size_t i = 0; i < kCapacity; ++i) {
    const std::uint64_t next = later_.reserve(*handler_);
    if (LaterToken::unpack(next).place == LaterToken::unpack(token).place) {
      EXPECT_EQ(i, kCapacity - 1) << "a place is used again only after all others";
      EXPECT_EQ(claim(token, *handler_), Found::kLate);
    }
    later_.cancel(next);
  }
}

TEST_F(LaterRepliesTest, EachExpiresAtItsHandlersDeadline) {
  const std::uint64_t a = keep(*slow_, 0);
  const std::uint64_t b = keep(*handler_, 0);
  const std::uint64_t c = keep(*handler_, ticks(50));
  EXPECT_TRUE(expired(ticks(100) - 1).empty());
  EXPECT_EQ(expired(ticks(100)), std::vector<std::uint64_t>{b});
  EXPECT_TRUE(expired(ticks(100)).empty());
  EXPECT_EQ(expired(ticks(499)), std::vector<std::uint64_t>{c});
  EXPECT_EQ(expired(ticks(501)), std::vector<std::uint64_t>{a});
  EXPECT_EQ(later_.awaited(), 0U);
}

TEST_F(LaterRepliesTest, DropsAll) {
  keep(*slow_);
  keep(*handler_);
  std::size_t dropped = 0;
  later_.drop_all([&](std::size_t place) {
    ++dropped;
    later_.free(place, false);
  });
  EXPECT_EQ(dropped, 2U);
  EXPECT_EQ(later_.awaited(), 0U);
}

TEST_F(LaterRepliesTest, AServiceThatIsGoneGivesItsCountersUp) {
  const auto snapshot_of = [](const std::string& name) {
    Service service = make_service(7700, "echo", PrivateKey::generate());
    service.name = name;
    return *Snapshot::create(services_of(std::move(service)), {});
  };
  const std::uint64_t token = keep(*handler_);
  ASSERT_EQ(claim(token, *handler_), Found::kAwaited);
  later_.update(*snapshot_of(service_.name));
  EXPECT_EQ(later_.request(place_).service_slot, 0U);
  later_.update(*snapshot_of("another"));
  EXPECT_EQ(later_.request(place_).service_slot, telemetry::kSelfServiceSlot);
}

TEST_F(LaterRepliesTest, WithoutPlacesNothingIsReserved) {
  LaterReplies none(0, 0);
  EXPECT_EQ(none.reserve(*handler_), 0U);
  EXPECT_EQ(none.claim({.token = 1}, place_), Found::kWrong);
}

}  // namespace
}  // namespace pssst::server
