#include "pssst/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "protocol/protocol_testing.hpp"
#include "protocol/suite1.hpp"

namespace pssst::testing {
namespace {

constexpr const PrivateKey* kAnonymous = nullptr;

class ClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<Client> client(const PrivateKey* key) {
    std::string error;
    auto out = Client::create(server_key_.public_key(), key, &error);
    EXPECT_NE(out, nullptr) << error;
    return out;
  }
  /// The honest server's reply.
  Bytes reply(std::span<const std::uint8_t> request, std::span<const std::uint8_t> message) {
    std::string error;
    const auto server =
        SingleServer::create(server_key_, &clients_, ClientPolicy::kOptional, &error);
    EXPECT_EQ(server->open(request).drop, DropReason::kNone);
    const std::span sealed = server->reply(message);
    return {sealed.begin(), sealed.end()};
  }

  Random random_{11};
  Bytes32 server_private_ = random_.bytes32();
  ServerKey server_key_{PrivateKey(server_private_)};
  PrivateKey client_key_{random_.bytes32()};
  EnrolledKeys clients_{std::vector{client_key_.public_key()}};
};

TEST_F(ClientTest, RefusesServerKeysThatCannotBeOne) {
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0200000000000000000000000000000000000000000000000000000000000000",
                          "0900000000000000000000000000000000000000000000000000000000000000",
                          "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "bb638713948eb11bbb222e508ff603ed6311d9c620196b90cef6cd579658924d"}) {
    const PublicKey key = unhex32(hex);
    std::string error;
    EXPECT_EQ(Client::create(key, nullptr, &error), nullptr) << hex;
    EXPECT_EQ(error, "server public key: " + std::string(to_string(check_public_key(key))));
    EXPECT_EQ(Client::create(key, nullptr, nullptr), nullptr) << hex;
  }
}

TEST_F(ClientTest, RefusesTheServersOwnKey) {
  std::string error;
  EXPECT_EQ(Client::create(client_key_.public_key(), &client_key_, &error), nullptr);
  EXPECT_NE(error.find("server's own"), std::string::npos) << error;
}

TEST_F(ClientTest, SealsIntoExactlyTheSpaceItNeeds) {
  for (const PrivateKey* key : {kAnonymous, static_cast<const PrivateKey*>(&client_key_)}) {
    const auto client = this->client(key);
    EXPECT_EQ(client->overhead_size(), key == nullptr ? 52u : 116u);
    const Bytes message = random_.bytes(33);
    PendingRequest pending;
    for (std::size_t space = 0; space < client->overhead_size() + message.size(); ++space) {
      Bytes datagram(space, 0x5a);
      EXPECT_EQ(client->seal(message, datagram, pending), 0u) << space;
      EXPECT_TRUE(std::ranges::all_of(datagram, [](auto b) { return b == 0x5a; })) << space;
      EXPECT_FALSE(pending.pending());
    }
    Bytes datagram(client->overhead_size() + message.size() + 5, 0x5a);
    EXPECT_EQ(client->seal(message, datagram, pending), datagram.size() - 5);
    EXPECT_TRUE(std::ranges::all_of(std::span(datagram).last(5), [](auto b) { return b == 0x5a; }));
    EXPECT_TRUE(pending.pending());
  }
}

TEST_F(ClientTest, EveryRequestHasAKeyOfItsOwn) {
  const auto client = this->client(&client_key_);
  std::set<Bytes> dhs;
  for (int i = 0; i < 8; ++i) {
    PendingRequest pending;
    Bytes datagram(client->overhead_size());
    ASSERT_NE(client->seal({}, datagram, pending), 0u);
    dhs.insert(Bytes(datagram.begin() + kDhOffset, datagram.begin() + kDhOffset + kDhSize));
  }
  EXPECT_EQ(dhs.size(), 8u);
}

TEST_F(ClientTest, SendsAClampedEphemeralKey) {
  const auto client = this->client(&client_key_);
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  Bytes datagrams(8 * client->overhead_size());
  for (std::size_t i = 0; i < 8; ++i) {
    const std::span datagram =
        std::span(datagrams).subspan(i * client->overhead_size(), client->overhead_size());
    PendingRequest pending;
    ASSERT_NE(client->seal({}, datagram, pending), 0u);
    burst->add(datagram, server_key_);
  }
  processor->multiply(*burst);
  processor->open(*burst);
  for (std::size_t lane = 0; lane < 8; ++lane) {
    const std::uint8_t* e = burst->plaintext[lane].data() + 32;
    EXPECT_EQ(e[0] & 0x07, 0);
    EXPECT_EQ(e[31] & 0xc0, 0x40);
  }
}

TEST_F(ClientTest, OpensOnlyTheReplyToItsOwnRequest) {
  const auto client = this->client(nullptr);
  PendingRequest first;
  PendingRequest second;
  Bytes first_request(60);
  Bytes second_request(60);
  ASSERT_NE(client->seal(Bytes(8, 1), first_request, first), 0u);
  ASSERT_NE(client->seal(Bytes(8, 2), second_request, second), 0u);
  const Bytes first_reply = reply(first_request, Bytes{1});
  const Bytes second_reply = reply(second_request, Bytes{2});
  Bytes message(1);
  EXPECT_EQ(client->open(first_reply, second, message).fault, ReplyFault::kDh);
  EXPECT_EQ(client->open(second_reply, second, message).fault, ReplyFault::kNone);
  EXPECT_EQ(message.front(), 2);
  EXPECT_EQ(client->open(first_reply, first, message).fault, ReplyFault::kNone);
  EXPECT_EQ(message.front(), 1);
}

TEST_F(ClientTest, EveryFlippedBitOfAReplyIsAFault) {
  for (const PrivateKey* key : {kAnonymous, static_cast<const PrivateKey*>(&client_key_)}) {
    const auto client = this->client(key);
    PendingRequest pending;
    Bytes request(client->overhead_size() + 3);
    ASSERT_NE(client->seal(Bytes{1, 2, 3}, request, pending), 0u);
    const Bytes good = reply(request, Bytes{4, 5, 6});
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Bytes bad = good;
      bad[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> (bit % 8));
      ReplyFault expected = ReplyFault::kTag;
      if (bit < 8 * kCiphertextOffset) expected = ReplyFault::kDh;
      if (bit < 32) expected = ReplyFault::kSuite;
      if (bit < 16) expected = ReplyFault::kFlags;
      Bytes message(3, 0x5a);
      ASSERT_EQ(client->open(bad, pending, message).fault, expected) << bit;
      ASSERT_EQ(message, expected == ReplyFault::kTag ? Bytes(3, 0) : Bytes(3, 0x5a)) << bit;
      ASSERT_TRUE(pending.pending()) << bit;
    }
    Bytes message(3);
    EXPECT_EQ(client->open(good, pending, message).fault, ReplyFault::kNone);
    EXPECT_EQ(message, (Bytes{4, 5, 6}));
  }
}

TEST_F(ClientTest, ChecksAReplyInTheOrderOfItsBytes) {
  const auto client = this->client(nullptr);
  PendingRequest pending;
  Bytes request(52);
  ASSERT_NE(client->seal({}, request, pending), 0u);
  // Everything is wrong at first; one thing after the other is put right.
  Bytes bad = reply(request, Bytes{1});
  const Bytes good = bad;
  bad[0] ^= 1;
  bad[3] ^= 1;
  bad[4] ^= 1;
  bad.back() ^= 1;
  EXPECT_EQ(client->open(std::span(bad).first(51), pending, {}).fault, ReplyFault::kTooShort);
  EXPECT_EQ(client->open(bad, pending, {}).fault, ReplyFault::kSuite);
  bad[3] = good[3];
  EXPECT_EQ(client->open(bad, pending, {}).fault, ReplyFault::kFlags);
  bad[0] = good[0];
  EXPECT_EQ(client->open(bad, pending, {}).fault, ReplyFault::kDh);
  bad[4] = good[4];
  EXPECT_EQ(client->open(bad, pending, {}).fault, ReplyFault::kNoSpace);
  Bytes message(1);
  EXPECT_EQ(client->open(bad, pending, message).fault, ReplyFault::kTag);
  EXPECT_EQ(client->open(good, pending, message).fault, ReplyFault::kNone);
}

TEST_F(ClientTest, AnEmptyReplyNeedsNoSpace) {
  const auto client = this->client(nullptr);
  PendingRequest pending;
  Bytes request(52);
  ASSERT_NE(client->seal({}, request, pending), 0u);
  const Client::Opened opened = client->open(reply(request, {}), pending, {});
  EXPECT_EQ(opened.fault, ReplyFault::kNone);
  EXPECT_EQ(opened.size, 0u);
}

TEST_F(ClientTest, APendingRequestMoves) {
  const auto client = this->client(nullptr);
  PendingRequest first;
  Bytes request(52);
  ASSERT_NE(client->seal({}, request, first), 0u);
  PendingRequest second(std::move(first));
  EXPECT_FALSE(first.pending());
  PendingRequest third;
  third = std::move(second);
  EXPECT_FALSE(second.pending());
  EXPECT_EQ(client->open(reply(request, {}), third, {}).fault, ReplyFault::kNone);
}

TEST_F(ClientTest, ASettledOrMovedRequestKeepsNoKey) {
  const auto client = this->client(&client_key_);
  PendingRequest pending;
  Bytes request(116);
  ASSERT_NE(client->seal({}, request, pending), 0u);
  const Bytes32 secret = key_material_for(server_private_, protocol::suite1::read_dh(request));
  const auto holds_secret = [&](const PendingRequest& candidate) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(&candidate), sizeof candidate);
    return std::search(bytes.begin(), bytes.end(), secret.begin(), secret.end()) != bytes.end();
  };
  EXPECT_TRUE(holds_secret(pending));
  PendingRequest moved(std::move(pending));
  EXPECT_FALSE(holds_secret(pending));
  EXPECT_TRUE(holds_secret(moved));
  EXPECT_EQ(client->open(reply(request, {}), moved, {}).fault, ReplyFault::kNone);
  EXPECT_FALSE(holds_secret(moved));
}

TEST(ReplyFaultTest, SaysEachFaultDifferently) {
  std::set<std::string_view> texts;
  for (int fault = 0; fault <= static_cast<int>(ReplyFault::kTag); ++fault) {
    texts.insert(to_string(static_cast<ReplyFault>(fault)));
  }
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(ReplyFault::kTag) + 1);
}

}  // namespace
}  // namespace pssst::testing
