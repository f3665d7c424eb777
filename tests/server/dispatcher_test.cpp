#include "server/dispatcher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

/// Remembers what it was given; answers each message with its first byte plus one.
class RecordingHandler final : public Handler {
 public:
  struct Seen {
    std::vector<std::uint8_t> first_bytes;
    std::vector<const Identity*> clients;
  };
  explicit RecordingHandler(std::vector<Seen>& bursts) : bursts_(bursts) {}
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    Seen seen;
    for (HandlerMessage& message : messages) {
      seen.first_bytes.push_back(message.message[0]);
      seen.clients.push_back(message.client);
      EXPECT_EQ(message.suite, kSuite1);
      EXPECT_EQ(message.reply_space.size(), kReplySizeMax);
      EXPECT_FALSE(message.reply_size);
      message.reply_space[0] = static_cast<std::uint8_t>(message.message[0] + 1);
      message.reply_size = 1;
    }
    bursts_.push_back(seen);
  }

 private:
  std::vector<Seen>& bursts_;
  HandlerTraits traits_{.name = "recording", .reply_is_pure = true, .reply_size_max = 1};
};

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() : counters_(3) { burst_->size = 0; }

  void add_service(std::unique_ptr<const Handler> handler) {
    Service service = make_service(static_cast<std::uint16_t>(services_.size() + 1),
                                   std::move(handler), PrivateKey::generate());
    service.index = services_.size();
    service.slot = service.index;
    services_.push_back(std::move(service));
  }

  /// A lane with a message of one byte.
  std::size_t add_lane(std::size_t service, std::uint8_t byte, const Identity* client = nullptr) {
    const std::size_t i = burst_->size++;
    burst_->drop[i] = DropReason::kNone;
    burst_->suite[i] = kSuite1;
    burst_->reply_offset[i] = kCiphertextOffset;
    burst_->reply_overhead[i] = kOverheadSize;
    burst_->authenticated[i] = client != nullptr ? 1 : 0;
    burst_->client[i] = client;
    burst_->plaintext[i][0] = byte;
    burst_->message[i] = burst_->plaintext[i].data();
    burst_->message_size[i] = 1;
    burst_->datagram_size[i] = kDatagramSizeMax;
    lanes_.push_back(&services_[service]);
    return i;
  }

  void dispatch() { dispatcher_.dispatch(*burst_, lanes_, counters_); }

  RequestBurstPointer burst_ = make_request_burst();
  std::vector<Service> services_;
  std::vector<const Service*> lanes_;
  std::vector<telemetry::ServiceCounters> counters_;
  LaterReplies later_{0, 0};
  Dispatcher dispatcher_{0, later_};
  std::vector<RecordingHandler::Seen> seen_a_;
  std::vector<RecordingHandler::Seen> seen_b_;
};

TEST_F(DispatcherTest, AnEmptyBurstCallsNobody) {
  add_service(std::make_unique<const RecordingHandler>(seen_a_));
  dispatch();
  EXPECT_TRUE(seen_a_.empty());
}

TEST_F(DispatcherTest, NothingOfAnEarlierReplyIsLeftToHandlersThatWriteLessThanTheySay) {
  for (const std::size_t limit : {kReplySizeMax, std::size_t{10}, std::size_t{0}}) {
    add_service(std::make_unique<const TestHandler>(
        HandlerTraits{.name = "lazy", .reply_is_pure = true, .reply_size_max = limit}, limit));
  }
  for (std::size_t service = 0; service < services_.size(); ++service) {
    std::ranges::fill(burst_->reply_space(add_lane(service, 1)), std::uint8_t{0xaa});
  }
  dispatch();
  for (std::size_t lane = 0; lane < burst_->size; ++lane) {
    ASSERT_TRUE(burst_->has_reply[lane]);
    const auto reply = burst_->reply_space(lane).first(burst_->reply_size[lane]);
    EXPECT_EQ(std::ranges::count(reply, std::uint8_t{0}), static_cast<long>(reply.size()));
  }
}

TEST_F(DispatcherTest, OneCallPerServiceWithItsLanesInOrder) {
  add_service(std::make_unique<const RecordingHandler>(seen_a_));
  add_service(std::make_unique<const RecordingHandler>(seen_b_));
  const Identity client{};
  for (std::uint8_t i = 0; i < kBurstLanesMax; ++i) {
    add_lane(i % 3 == 0 ? 0 : 1, i, i % 2 == 0 ? &client : nullptr);
  }
  burst_->drop[6] = DropReason::kTag;
  burst_->has_reply[6] = 1;  // of the burst before
  dispatch();
  ASSERT_EQ(seen_a_.size(), 1U);
  ASSERT_EQ(seen_b_.size(), 1U);
  std::vector<std::uint8_t> expected_a;
  std::vector<std::uint8_t> expected_b;
  for (std::uint8_t i = 0; i < kBurstLanesMax; ++i) {
    if (i != 6) (i % 3 == 0 ? expected_a : expected_b).push_back(i);
  }
  EXPECT_EQ(seen_a_[0].first_bytes, expected_a);
  EXPECT_EQ(seen_b_[0].first_bytes, expected_b);
  for (std::size_t k = 0; k < expected_b.size(); ++k) {
    EXPECT_EQ(seen_b_[0].clients[k], expected_b[k] % 2 == 0 ? &client : nullptr);
  }
  for (std::uint8_t i = 0; i < kBurstLanesMax; ++i) {
    EXPECT_EQ(burst_->has_reply[i], i == 6 ? 0 : 1);
    if (i == 6) continue;
    EXPECT_EQ(burst_->reply_size[i], 1U);
    EXPECT_EQ(burst_->reply_space(i)[0], i + 1);
  }
  EXPECT_EQ(burst_->drop[6], DropReason::kTag);
  EXPECT_EQ(counters_[0].requests.read(), 21U);
  EXPECT_EQ(counters_[1].requests.read(), 42U);
  EXPECT_EQ(counters_[0].authenticated.read() + counters_[1].authenticated.read(), 31U);
}

TEST_F(DispatcherTest, RepliesLongerThanTheRequestAllowsAreDropped) {
  constexpr std::size_t kText = 100;
  for (const unsigned limit : {kReplyLimitMin, 125U, kReplyLimitMax}) {
    add_service(std::make_unique<const TestHandler>(
        HandlerTraits{.name = "long", .reply_is_pure = true, .reply_size_max = kText}, kText));
    services_.back().reply_limit = limit;
  }
  for (std::size_t service = 0; service < services_.size(); ++service) {
    const std::size_t reply = kOverheadSize + kText;
    const std::size_t least =
        (100 * reply + services_[service].reply_limit - 1) / services_[service].reply_limit;
    for (const std::size_t request : {least, least - 1}) {
      const std::size_t lane = add_lane(service, 1);
      burst_->datagram_size[lane] = static_cast<std::uint16_t>(request);
    }
  }
  dispatch();
  for (std::size_t lane = 0; lane < burst_->size; ++lane) {
    EXPECT_EQ(burst_->drop[lane], lane % 2 == 0 ? DropReason::kNone : DropReason::kReplyLimit)
        << lane;
  }
}

TEST_F(DispatcherTest, TheReplyLimitKnowsWhatASuiteAdds) {
  add_service(std::make_unique<const TestHandler>(
      HandlerTraits{.name = "short", .reply_is_pure = true, .reply_size_max = 1}, 1));
  for (const std::uint8_t overhead : {std::uint8_t{kOverheadSize}, std::uint8_t{200}}) {
    const std::size_t lane = add_lane(0, 1);
    burst_->reply_overhead[lane] = overhead;
    burst_->datagram_size[lane] = 200;
  }
  dispatch();
  EXPECT_EQ(burst_->drop[0], DropReason::kNone);
  EXPECT_EQ(burst_->drop[1], DropReason::kReplyLimit);
}

struct BadReply {
  bool replies;
  std::size_t reply_size_max;
  std::optional<std::size_t> reply_size;
  bool dropped;
};

class DispatcherReply : public DispatcherTest, public testing::WithParamInterface<BadReply> {};

TEST_P(DispatcherReply, IsHeldAgainstWhatTheHandlerDeclared) {
  const BadReply& given = GetParam();
  add_service(
      std::make_unique<const TestHandler>(HandlerTraits{.name = "test",
                                                        .reply_is_pure = true,
                                                        .replies = given.replies,
                                                        .reply_size_max = given.reply_size_max},
                                          given.reply_size));
  add_service(std::make_unique<const RecordingHandler>(seen_a_));
  add_lane(0, 1);
  add_lane(1, 2);
  dispatch();
  EXPECT_EQ(burst_->drop[0], given.dropped ? DropReason::kReplyTooLong : DropReason::kNone);
  EXPECT_EQ(burst_->has_reply[0], given.reply_size ? 1 : 0);
  EXPECT_EQ(burst_->drop[1], DropReason::kNone);
  EXPECT_EQ(burst_->has_reply[1], 1);
}

INSTANTIATE_TEST_SUITE_P(
    Declared, DispatcherReply,
    testing::Values(BadReply{true, 10, 10, false}, BadReply{true, 10, 0, false},
                    BadReply{true, 10, std::nullopt, false}, BadReply{true, 10, 11, true},
                    BadReply{true, 0, 0, false}, BadReply{true, 0, 1, true},
                    BadReply{true, 100000, kReplySizeMax, false},
                    BadReply{true, 100000, kReplySizeMax + 1, true},
                    BadReply{true, 100000, 65536 + 1, true}, BadReply{true, 10, SIZE_MAX, true},
                    BadReply{false, 10, std::nullopt, false}, BadReply{false, 10, 0, true},
                    BadReply{false, 10, 1, true}));

}  // namespace
}  // namespace pssst::server
