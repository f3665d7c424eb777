#include "pssst/server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

class SingleServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<SingleServer> server(ClientPolicy policy = ClientPolicy::kOptional) {
    std::string error;
    auto out = SingleServer::create(key_, &clients_, policy, &error);
    EXPECT_NE(out, nullptr) << error;
    return out;
  }
  std::unique_ptr<Client> client(const PrivateKey* key) {
    std::string error;
    auto out = Client::create(key_.public_key(), key, &error);
    EXPECT_NE(out, nullptr) << error;
    return out;
  }
  static Bytes seal(Client& client, std::span<const std::uint8_t> message,
                    PendingRequest& pending) {
    Bytes request(client.overhead_size() + message.size());
    EXPECT_EQ(client.seal(message, request, pending), request.size());
    return request;
  }
  Bytes seal(const PrivateKey* key, std::span<const std::uint8_t> message) {
    PendingRequest pending;
    return seal(*client(key), message, pending);
  }

  Random random_{7};
  ServerKey key_{PrivateKey(random_.bytes32())};
  PrivateKey client_key_{random_.bytes32()};
  EnrolledKeys clients_{std::vector{client_key_.public_key()}};
};

TEST_F(SingleServerTest, RoundTripsOfEverySize) {
  const auto anonymous = client(nullptr);
  const auto authenticated = client(&client_key_);
  const auto server = this->server();
  const Bytes pool = random_.bytes(2 * kReplySizeMax);
  Bytes message(kReplySizeMax);
  for (std::size_t size = 0; size <= kReplySizeMax; ++size) {
    const std::span sent = std::span(pool).subspan(size, size);
    const std::span answer = std::span(pool).subspan(kReplySizeMax - size, size);
    for (Client* client : {anonymous.get(), authenticated.get()}) {
      PendingRequest pending;
      const Bytes request = seal(*client, sent, pending);
      const SingleServer::Opened opened = server->open(request);
      if (request.size() > kDatagramSizeMax) {
        ASSERT_EQ(opened.drop, DropReason::kFrameOversized) << size;
        continue;
      }
      ASSERT_EQ(opened.drop, DropReason::kNone) << size;
      ASSERT_TRUE(std::ranges::equal(opened.message, sent)) << size;
      ASSERT_EQ(opened.client != nullptr, client == authenticated.get()) << size;
      const std::span reply = server->reply(answer);
      ASSERT_EQ(reply.size(), size + kOverheadSize);
      const Client::Opened got = client->open(reply, pending, message);
      ASSERT_EQ(got.fault, ReplyFault::kNone) << size;
      ASSERT_TRUE(std::ranges::equal(std::span(message).first(got.size), answer)) << size;
    }
  }
}

TEST_F(SingleServerTest, KeepsToItsPolicy) {
  const Bytes anonymous = seal(nullptr, Bytes{1});
  const Bytes authenticated = seal(&client_key_, Bytes{1});
  EXPECT_EQ(server(ClientPolicy::kOptional)->open(anonymous).drop, DropReason::kNone);
  EXPECT_EQ(server(ClientPolicy::kOptional)->open(authenticated).drop, DropReason::kNone);
  EXPECT_EQ(server(ClientPolicy::kAnonymous)->open(anonymous).drop, DropReason::kNone);
  EXPECT_EQ(server(ClientPolicy::kAnonymous)->open(authenticated).drop,
            DropReason::kPolicyAuthenticated);
  EXPECT_EQ(server(ClientPolicy::kRequired)->open(anonymous).drop, DropReason::kPolicyAnonymous);
  EXPECT_EQ(server(ClientPolicy::kRequired)->open(authenticated).drop, DropReason::kNone);
}

TEST_F(SingleServerTest, AnUnknownClientIsNobodyUnderEveryPolicy) {
  const PrivateKey stranger(random_.bytes32());
  const Bytes request = seal(&stranger, Bytes{1});
  EXPECT_EQ(server(ClientPolicy::kOptional)->open(request).drop, DropReason::kClientUnknown);
  EXPECT_EQ(server(ClientPolicy::kRequired)->open(request).drop, DropReason::kClientUnknown);
}

TEST_F(SingleServerTest, WithoutALookupNobodyIsEnrolled) {
  std::string error;
  const auto server = SingleServer::create(key_, nullptr, ClientPolicy::kOptional, &error);
  ASSERT_NE(server, nullptr) << error;
  EXPECT_EQ(server->open(seal(&client_key_, Bytes{1})).drop, DropReason::kClientUnknown);
  EXPECT_EQ(server->open(seal(nullptr, Bytes{1})).drop, DropReason::kNone);
}

TEST_F(SingleServerTest, ADropLeavesNothingToReadOrToAnswer) {
  const auto server = this->server();
  Bytes request = seal(nullptr, Bytes{1, 2, 3});
  request.back() ^= 1;
  const SingleServer::Opened opened = server->open(request);
  EXPECT_EQ(opened.drop, DropReason::kTag);
  EXPECT_TRUE(opened.message.empty());
  EXPECT_EQ(opened.client, nullptr);
  EXPECT_TRUE(server->reply(Bytes{1}).empty());
}

TEST_F(SingleServerTest, AnswersOneRequestOnce) {
  const auto server = this->server();
  EXPECT_TRUE(server->reply(Bytes{1}).empty());
  ASSERT_EQ(server->open(seal(nullptr, Bytes{1})).drop, DropReason::kNone);
  EXPECT_TRUE(server->reply(Bytes(kReplySizeMax + 1)).empty());
  EXPECT_FALSE(server->reply(Bytes{1}).empty());
  EXPECT_TRUE(server->reply(Bytes{2}).empty());
}

TEST_F(SingleServerTest, ARefusedDatagramForgetsTheRequestBefore) {
  const auto server = this->server();
  for (const Bytes& bad : {Bytes{}, Bytes(kDatagramSizeMax + 1), Bytes(52)}) {
    ASSERT_EQ(server->open(seal(nullptr, Bytes{1})).drop, DropReason::kNone);
    EXPECT_NE(server->open(bad).drop, DropReason::kNone);
    EXPECT_TRUE(server->reply(Bytes{1}).empty());
  }
}

TEST_F(SingleServerTest, AnswersWithTheMessageItselfAfterTheDatagramIsGone) {
  const auto server = this->server();
  const auto client = this->client(nullptr);
  PendingRequest pending;
  const Bytes sent = random_.bytes(300);
  Bytes request = seal(*client, sent, pending);
  const SingleServer::Opened opened = server->open(request);
  ASSERT_EQ(opened.drop, DropReason::kNone);
  std::ranges::fill(request, 0);
  Bytes message(sent.size());
  ASSERT_EQ(client->open(server->reply(opened.message), pending, message).fault, ReplyFault::kNone);
  EXPECT_EQ(message, sent);
}

TEST(ServerKeyTest, HasThePublicKeyOfItsPrivateKey) {
  const PrivateKey key(Random(3).bytes32());
  ServerKey first(key);
  EXPECT_EQ(first.public_key(), key.public_key());
  ServerKey second(std::move(first));
  EXPECT_EQ(second.public_key(), key.public_key());
  ServerKey third{PrivateKey::generate()};
  third = std::move(second);
  EXPECT_EQ(third.public_key(), key.public_key());
}

}  // namespace
}  // namespace pssst::testing
