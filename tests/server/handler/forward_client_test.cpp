#include "server/handler/forward_client.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/tsc.hpp"
#include "identity/temporary_folder.hpp"
#include "server/handler/backend_socket.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

std::uint64_t ms(std::uint64_t n) {
  return n * base::tsc_hz() / 1000;
}

class ForwardClientTest : public testing::Test, public ForwardClient::Answerer {
 protected:
  static constexpr std::uint64_t kDeadline = 100;  // ms

  void make(std::size_t backends, std::size_t in_flight = 64) {
    for (std::size_t i = 0; i < backends; ++i) {
      paths_.push_back(folder_.path("backend-" + std::to_string(i)));
    }
    client_ = std::make_unique<ForwardClient>(paths_, in_flight, ms(kDeadline), *this);
  }
  void listen(std::size_t backend) {
    sockets_[backend] = std::make_unique<BackendSocket>(paths_[backend]);
  }

  /// Requests with tokens `first` and on, at `now` ms.
  void send(std::uint64_t first, std::size_t n = 1, const std::string& text = "question") {
    for (std::size_t i = 0; i < n; ++i) {
      const HandlerMessage message{
          .message = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
          .suite = kSuiteF002,
          .token = first + i,
          .reply_size = {}};
      EXPECT_TRUE(ring_.put(message, ms(now_ + kDeadline)));
    }
    while (ring_.waiting() > 0 && client_->send(ring_, ms(now_))) {
    }
  }
  void look(std::uint64_t now) {
    now_ = now;
    client_->look(ms(now));
  }
  /// All that the backend has not read yet.
  std::vector<BackendSocket::Request> requests(std::size_t backend) {
    std::vector<BackendSocket::Request> all;
    while (auto one = sockets_.at(backend)->receive()) all.push_back(*std::move(one));
    return all;
  }
  void receive() {
    while (client_->receive(ms(now_))) {
    }
  }
  [[nodiscard]] const BackendCounters& counters(std::size_t backend) const {
    return client_->backends()[backend]->counters();
  }

  void answer(const Answer& answer) noexcept override {
    EXPECT_FALSE(answers_.contains(answer.token)) << answer.token;
    answers_[answer.token] = answer.drop != DropReason::kNone ? std::string(to_string(answer.drop))
                             : answer.has_reply
                                 ? std::string(answer.reply.begin(), answer.reply.end())
                                 : "(none)";
  }

  const identity::TemporaryFolder folder_;
  std::vector<std::string> paths_;
  std::map<std::size_t, std::unique_ptr<BackendSocket>> sockets_;
  std::unique_ptr<ForwardClient> client_;
  ForwardRing ring_{256};
  std::uint64_t now_ = 1000;
  std::map<std::uint64_t, std::string> answers_;  ///< by the request's token
};

using Answers = std::map<std::uint64_t, std::string>;

TEST_F(ForwardClientTest, SendsRequestsAndTakesAnswers) {
  make(1);
  listen(0);
  look(1000);
  send(7, 3);
  EXPECT_EQ(client_->in_flight(), 3U);
  const auto asked = requests(0);
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].message(), "question");
  EXPECT_NE(asked[0].token(), asked[1].token());
  sockets_[0]->reply(asked[2], "third");
  sockets_[0]->no_reply(asked[1]);
  sockets_[0]->reply(asked[0], "");
  receive();
  EXPECT_EQ(answers_, (Answers{{7, ""}, {8, "(none)"}, {9, "third"}}));
  EXPECT_EQ(client_->in_flight(), 0U);
  EXPECT_EQ(counters(0).sent.read(), 3U);
  EXPECT_EQ(counters(0).answered.read(), 3U);
}

TEST_F(ForwardClientTest, WithoutABackendRequestsFailAtOnce) {
  make(2);
  look(1000);
  send(1, 2);
  EXPECT_EQ(answers_, (Answers{{1, "handler_unavailable"}, {2, "handler_unavailable"}}));
  EXPECT_EQ(client_->in_flight(), 0U);
  listen(1);
  look(1200);
  send(3);
  EXPECT_EQ(requests(1).size(), 1U);
}

TEST_F(ForwardClientTest, BackendsTakeTurns) {
  make(3);
  for (std::size_t i = 0; i < 3; ++i) listen(i);
  look(1000);
  send(1, 9);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(requests(i).size(), 3U);
}

TEST_F(ForwardClientTest, StrayAnswersAreCountedAndChangeNothing) {
  make(2);
  listen(0);
  listen(1);
  look(1000);
  send(1, 2);
  const auto first = requests(0);
  const auto second = requests(1);
  ASSERT_TRUE(first.size() == 1 && second.size() == 1);
  // Of the other backend's request; of none; not of the form; too long.
  sockets_[0]->send(first[0], BackendSocket::reply_datagram(second[0].token(), "stolen"));
  sockets_[0]->send(first[0], BackendSocket::reply_datagram(first[0].token() + 65536, "none"));
  sockets_[0]->send(first[0], BackendSocket::reply_datagram(first[0].token() ^ 0x3f, "none"));
  sockets_[0]->send(first[0], Bytes(15));
  receive();
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(counters(0).answers_wrong.read(), 3U);
  EXPECT_EQ(counters(0).answers_malformed.read(), 1U);
  sockets_[0]->reply(first[0], "good");
  sockets_[0]->reply(first[0], "again");
  sockets_[1]->reply(second[0], std::string(kReplySizeMax + 1, 'x'));
  receive();
  EXPECT_EQ(answers_, (Answers{{1, "good"}, {2, "reply_too_long"}}));
  EXPECT_EQ(counters(0).answers_twice.read(), 1U);
  EXPECT_EQ(counters(1).answers_malformed.read(), 1U);
}

TEST_F(ForwardClientTest, WhatIsOverdueIsGivenUp) {
  make(1);
  listen(0);
  look(1000);
  send(1);
  look(1000 + kDeadline - 1);
  EXPECT_EQ(client_->in_flight(), 1U);
  look(1000 + kDeadline);
  EXPECT_EQ(client_->in_flight(), 0U);
  EXPECT_EQ(counters(0).expired.read(), 1U);
  sockets_[0]->reply(requests(0).at(0), "late");
  receive();
  EXPECT_EQ(counters(0).answers_late.read(), 1U);
  EXPECT_TRUE(answers_.empty()) << "the worker knows the deadline itself";
}

TEST_F(ForwardClientTest, WhatIsOverdueBeforeItIsSentIsNotSent) {
  make(1);
  listen(0);
  look(1000);
  ASSERT_TRUE(ring_.put({.token = 1, .reply_size = {}}, ms(999)));
  EXPECT_TRUE(client_->send(ring_, ms(1000)));
  EXPECT_TRUE(requests(0).empty());
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ForwardClientTest, ABackendThatCrashedAnswersNothingOfBefore) {
  make(2);
  listen(0);
  listen(1);
  look(1000);
  send(1, 2);
  const auto before = requests(0);
  ASSERT_EQ(before.size(), 1U);
  sockets_.erase(0);
  // The next one finds out, and goes to the other.
  send(3, 2);
  EXPECT_EQ(answers_, (Answers{{1, "handler_unavailable"}}));
  EXPECT_EQ(counters(0).lost.read(), 1U);
  EXPECT_EQ(counters(0).ejected.read(), 1U);
  EXPECT_EQ(requests(1).size(), 3U);
  // It comes back, and knows a token of before.
  listen(0);
  look(1000 + Backend::kRetryMinMs);
  send(5, 2);
  const auto after = requests(0);
  ASSERT_EQ(after.size(), 1U);
  sockets_[0]->send(after[0], BackendSocket::reply_datagram(before[0].token(), "of before"));
  receive();
  EXPECT_EQ(answers_.size(), 1U);
  EXPECT_EQ(counters(0).answers_late.read() + counters(0).answers_wrong.read(), 1U);
  sockets_[0]->reply(after[0], "fresh");
  receive();
  EXPECT_EQ(answers_.size(), 2U);
  EXPECT_EQ(counters(0).readmitted.read(), 1U);
  EXPECT_EQ(counters(0).usable.read(), 1U);
}

TEST_F(ForwardClientTest, AStalledBackendIsLeftOutUntilItAnswers) {
  make(2);
  listen(0);
  listen(1);
  look(1000);
  send(1, 2 * Backend::kExpiredInARow);
  for (const auto& request : requests(1)) sockets_[1]->reply(request, "ok");
  receive();
  look(1000 + kDeadline);
  EXPECT_EQ(counters(0).ejected.read(), 1U);
  send(100, 5);
  EXPECT_EQ(requests(1).size(), 5U);
  requests(0);
  look(1000 + kDeadline + Backend::kRetryMinMs);
  send(200, 5);
  const auto trial = requests(0);
  EXPECT_EQ(trial.size(), 1U) << "one to try it";
  EXPECT_EQ(requests(1).size(), 4U);
  sockets_[0]->reply(trial.at(0), "back");
  receive();
  send(300, 6);
  EXPECT_EQ(requests(0).size(), 3U);
}

TEST_F(ForwardClientTest, ABackendWhoseSocketIsFullIsPassedOver) {
  make(2, 20000);
  listen(0);
  listen(1);
  look(1000);
  std::uint64_t token = 1;
  for (; counters(0).full.read() == 0 && token < 20000; ++token) {
    send(token);
    requests(1);
  }
  EXPECT_GT(counters(0).full.read(), 0U);
  EXPECT_EQ(counters(0).ejected.read(), 0U);
  for (int i = 0; i < 10; ++i, ++token) {
    send(token);
    EXPECT_EQ(ring_.waiting(), 0U);
    EXPECT_EQ(requests(1).size(), 1U) << "the other has room";
  }
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ForwardClientTest, ABackendThatReadsNothingIsLeftOutThoughNothingWasSent) {
  make(1, 20000);
  listen(0);
  look(1000);
  EXPECT_TRUE(client_->any_usable());
  std::uint64_t token = 1;
  for (; counters(0).full.read() == 0 && token < 20000; ++token) send(token);
  client_ = std::make_unique<ForwardClient>(paths_, 20000, ms(kDeadline), *this);
  ring_.pop(ring_.waiting());
  look(2000);
  send(token++);
  look(2000 + kDeadline - 1);
  send(token++);
  EXPECT_TRUE(client_->any_usable());
  EXPECT_TRUE(answers_.empty());
  look(2000 + kDeadline);
  send(token++);
  EXPECT_FALSE(client_->any_usable());
  EXPECT_EQ(counters(0).sent.read(), 0U);
  EXPECT_EQ(counters(0).ejected.read(), 1U);
  // One on trial is out again at once.
  look(2000 + kDeadline + Backend::kRetryMinMs);
  EXPECT_TRUE(client_->any_usable());
  send(token);
  EXPECT_FALSE(client_->any_usable());
  EXPECT_EQ(answers_.at(token), "handler_unavailable");
  requests(0);
  look(2000 + kDeadline + 3 * Backend::kRetryMinMs);
  send(++token);
  EXPECT_EQ(requests(0).size(), 1U);
}

TEST_F(ForwardClientTest, WhereAllAreFullRequestsWait) {
  make(1, 20000);
  listen(0);
  look(1000);
  std::uint64_t token = 1;
  for (; counters(0).full.read() == 0 && token < 20000; ++token) send(token);
  ASSERT_EQ(ring_.waiting(), 1U);
  send(token, 100);
  EXPECT_EQ(ring_.waiting(), 101U);
  EXPECT_TRUE(answers_.empty());
  std::set<std::uint64_t> seen;
  while (ring_.waiting() > 0) {
    for (const auto& request : requests(0)) seen.insert(request.token());
    ASSERT_TRUE(client_->send(ring_, ms(now_)));
  }
  for (const auto& request : requests(0)) seen.insert(request.token());
  EXPECT_EQ(seen.size(), token + 99) << "each came once";
}

TEST_F(ForwardClientTest, SoManyAreInFlightAndNoMore) {
  make(1, 4);
  listen(0);
  look(1000);
  send(1, 6);
  EXPECT_EQ(client_->in_flight(), 4U);
  EXPECT_EQ(ring_.waiting(), 2U);
  EXPECT_FALSE(client_->send(ring_, ms(now_)));
  sockets_[0]->reply(requests(0).at(0), "one");
  receive();
  EXPECT_TRUE(client_->send(ring_, ms(now_)));
  EXPECT_EQ(ring_.waiting(), 1U);
  EXPECT_EQ(client_->in_flight(), 4U);
  EXPECT_EQ(counters(0).ejected.read(), 0U);
}

}  // namespace
}  // namespace pssst::server
