#include "server/handlers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <vector>

#include "pssst/wire.hpp"

namespace pssst::server {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// A burst of messages with reply space of `space` bytes each, filled with 0xee.
class Messages {
 public:
  Messages(const std::vector<Bytes>& texts, std::size_t space)
      : texts_(texts), spaces_(texts.size(), Bytes(space, 0xee)) {
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      messages_.push_back({.message = texts_[i],
                           .suite = kSuite1,
                           .client = nullptr,
                           .reply_space = spaces_[i],
                           .reply_size = {}});
    }
  }
  [[nodiscard]] std::span<HandlerMessage> all() { return messages_; }
  [[nodiscard]] std::optional<Bytes> reply(std::size_t i) const {
    const auto size = messages_[i].reply_size;
    if (!size) return std::nullopt;
    return Bytes(spaces_[i].begin(), spaces_[i].begin() + static_cast<std::ptrdiff_t>(*size));
  }
  [[nodiscard]] bool space_untouched(std::size_t i) const {
    return std::all_of(spaces_[i].begin(), spaces_[i].end(), [](auto b) { return b == 0xee; });
  }

 private:
  std::vector<Bytes> texts_;
  std::vector<Bytes> spaces_;
  std::vector<HandlerMessage> messages_;
};

std::unique_ptr<const Handler> handler(std::string_view name, const Bytes& reply = {}) {
  auto made = make_handler(name, reply);
  EXPECT_TRUE(made) << made.error().to_string();
  return std::move(*made);
}

TEST(Handlers, EchoAnswersWithTheMessage) {
  const auto echo = handler("echo");
  EXPECT_TRUE(echo->traits().reply_is_pure && echo->traits().replies);
  EXPECT_EQ(echo->traits().reply_size_max, kReplySizeMax);
  Messages messages({{}, {1}, Bytes(kReplySizeMax, 7)}, kReplySizeMax);
  echo->handle_burst(0, messages.all());
  EXPECT_EQ(messages.reply(0), Bytes());
  EXPECT_EQ(messages.reply(1), Bytes{1});
  EXPECT_EQ(messages.reply(2), Bytes(kReplySizeMax, 7));
}

TEST(Handlers, EchoSaysTheLengthOfAReplyThatDoesNotFitAndWritesNothing) {
  Messages messages({{1, 2, 3}, {1, 2, 3, 4}}, 3);
  handler("echo")->handle_burst(0, messages.all());
  EXPECT_EQ(messages.reply(0), (Bytes{1, 2, 3}));
  EXPECT_EQ(messages.all()[1].reply_size, 4U);
  EXPECT_TRUE(messages.space_untouched(1));
}

TEST(Handlers, DiscardNeverReplies) {
  const auto discard = handler("discard");
  EXPECT_FALSE(discard->traits().replies);
  Messages messages({{}, {1, 2}}, 100);
  discard->handle_burst(0, messages.all());
  EXPECT_FALSE(messages.reply(0) || messages.reply(1));
  EXPECT_TRUE(messages.space_untouched(1));
}

TEST(Handlers, AckAnswersWithItsConstant) {
  for (const Bytes& constant : {Bytes{}, Bytes{'o', 'k'}, Bytes(kReplySizeMax, 9)}) {
    const auto ack = handler("ack", constant);
    EXPECT_TRUE(ack->traits().reply_is_pure && ack->traits().replies);
    EXPECT_EQ(ack->traits().reply_size_max, constant.size());
    Messages messages({{}, {1, 2, 3}}, kReplySizeMax);
    ack->handle_burst(0, messages.all());
    EXPECT_EQ(messages.reply(0), constant);
    EXPECT_EQ(messages.reply(1), constant);
  }
}

TEST(Handlers, TimeAnswersWithTheClock) {
  const auto time = handler("time");
  EXPECT_FALSE(time->traits().reply_is_pure);
  EXPECT_TRUE(time->traits().replies);
  EXPECT_EQ(time->traits().reply_size_max, 27U);
  const auto before = std::chrono::system_clock::now();
  Messages messages({{}, {1, 2, 3}}, kReplySizeMax);
  time->handle_burst(0, messages.all());
  const auto after = std::chrono::system_clock::now();
  const auto reply = messages.reply(1);
  ASSERT_TRUE(reply && reply->size() == 27U);
  EXPECT_EQ(messages.reply(0), reply);
  const std::string text(reply->begin(), reply->end());
  std::tm parsed{};
  const char* const rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S.", &parsed);
  ASSERT_NE(rest, nullptr) << text;
  EXPECT_EQ(text.back(), 'Z');
  const auto then = std::chrono::system_clock::from_time_t(timegm(&parsed)) +
                    std::chrono::microseconds(std::stoi(rest));
  EXPECT_GE(then, std::chrono::floor<std::chrono::microseconds>(before));
  EXPECT_LE(then, after);
}

TEST(Handlers, TimeWithoutRoomSaysItsLength) {
  Messages messages({{1}}, 26);
  handler("time")->handle_burst(0, messages.all());
  EXPECT_EQ(messages.all()[0].reply_size, 27U);
  EXPECT_TRUE(messages.space_untouched(0));
}

TEST(Handlers, CountAnswersWithHowManyItHasSeen) {
  const auto count = handler("count");
  EXPECT_FALSE(count->traits().reply_is_pure);
  EXPECT_EQ(count->traits().reply_size_max, 20U);
  for (const std::string_view expected : {"123", "456"}) {
    Messages messages({{}, {1}, {2, 3}}, kReplySizeMax);
    count->handle_burst(0, messages.all());
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(messages.reply(i), Bytes{static_cast<std::uint8_t>(expected[i])});
    }
  }
}

TEST(Handlers, RefusesWhatCannotServe) {
  EXPECT_FALSE(make_handler("clock", {}));
  EXPECT_FALSE(make_handler("", {}));
  EXPECT_FALSE(make_handler("echo", Bytes{1}));
  EXPECT_FALSE(make_handler("discard", Bytes{1}));
  const auto too_long = make_handler("ack", Bytes(kReplySizeMax + 1));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().what, "its constant reply has 1421 bytes");
}

TEST(Handlers, NamesAreThoseOfTraits) {
  for (const std::string_view name : {"echo", "discard", "ack", "time", "count"}) {
    EXPECT_TRUE(is_handler_name(name));
    EXPECT_EQ(handler(name)->traits().name, name);
    EXPECT_NE(handler_names().find(name), std::string_view::npos);
  }
  EXPECT_FALSE(is_handler_name("ech"));
}

}  // namespace
}  // namespace pssst::server
