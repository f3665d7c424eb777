// The client's side of suite 0xF002.
#include <gtest/gtest.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>

#include "protocol/client_internals.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/suite_f002.hpp"
#include "protocol/suite_f002_vectors.hpp"

namespace {

/// While it is set, the operating system's generator gives the same bytes again and again.
bool random_is_stale = false;

}  // namespace

// In place of the C library's.
extern "C" ssize_t getrandom(void* bytes, size_t size, unsigned flags) {
  if (!random_is_stale) return ::syscall(SYS_getrandom, bytes, size, flags);
  std::memset(bytes, 0x5a, size);
  return static_cast<ssize_t>(size);
}

namespace pssst::testing {
namespace {

using protocol::ClientInternals;

std::unique_ptr<Client> make_client(const PublicKey& server, const std::string& label,
                                    const Bytes32* client_private) {
  std::optional<PrivateKey> key;
  if (client_private != nullptr) key.emplace(*client_private);
  std::string error;
  auto client =
      Client::create(server, key ? &*key : nullptr, &error, {.suite = kSuiteF002, .label = label});
  EXPECT_NE(client, nullptr) << error;
  return client;
}

std::unique_ptr<Client> make_client(const F002Positive& row) {
  return make_client(row.server_public, row.label, row.client ? &row.client->private_key : nullptr);
}

/// The padding that the vector's request has.
std::size_t padding_of(const F002Positive& row, const Client& client) {
  return row.request.size() - row.message.size() - client.overhead_size();
}

TEST(F002ClientTest, SealsEveryVectorAndOpensItsReplyOnce) {
  for (const F002Positive& row : f002_vectors().positive) {
    const auto client = make_client(row);
    Bytes request(row.request.size());
    PendingRequest pending;
    ASSERT_EQ(ClientInternals::seal(*client, row.ephemeral_private, row.message, request, pending,
                                    padding_of(row, *client)),
              request.size());
    ASSERT_EQ(request, row.request);
    Bytes message(row.reply.size() - kOverheadSize);
    const Client::Opened opened = client->open(row.reply, pending, message);
    ASSERT_EQ(to_string(opened.fault), to_string(ReplyFault::kNone));
    message.resize(opened.size);
    EXPECT_EQ(message, row.reply_message);
    EXPECT_FALSE(pending.pending());
    message.resize(row.reply.size());
    EXPECT_EQ(client->open(row.reply, pending, message).fault, ReplyFault::kNotPending);
  }
}

class F002ReplyTest : public ::testing::Test {
 protected:
  F002ReplyTest() {
    const auto& context = f002_vectors().reply_context;
    protocol::suite_f002::ReplyExpectation reply{.secret = context.reply_secret};
    std::ranges::copy(context.rid, reply.reply_id.begin());
    std::ranges::copy(std::span(context.request).last<kTagSize>(), reply.request_tag.begin());
    ClientInternals::expect_reply(pending_, kFlagClientAuth, reply);
  }

  PendingRequest pending_;
  std::unique_ptr<Client> client_ = make_client(
      PrivateKey(f002_vectors().negative_server_private).public_key(), "valves.example", nullptr);
};

TEST_F(F002ReplyTest, ManyBadRepliesThenTheGoodOneIsAcceptedOnce) {
  const auto& vectors = f002_vectors();
  ASSERT_EQ(vectors.negative_replies.size(), 9u);
  Bytes message(kDatagramSizeMax, 0x5a);
  for (const F002NegativeReply& row : vectors.negative_replies) {
    const ReplyFault fault = client_->open(row.reply, pending_, message).fault;
    EXPECT_TRUE(std::ranges::count(row.faults, fault)) << row.name << ": " << to_string(fault);
    EXPECT_TRUE(pending_.pending()) << row.name;
    EXPECT_TRUE(std::ranges::all_of(message, [](auto b) { return b == 0x5a || b == 0; }));
  }
  // The tenth: a buffer that is too small is no answer either.
  const Bytes& good = vectors.reply_context.good_reply;
  EXPECT_EQ(client_->open(good, pending_, std::span(message).first(good.size() - 53)).fault,
            ReplyFault::kNoSpace);
  const Client::Opened opened = client_->open(good, pending_, message);
  ASSERT_EQ(to_string(opened.fault), to_string(ReplyFault::kNone));
  EXPECT_EQ(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(opened.size)),
            vectors.reply_context.message);
  EXPECT_EQ(client_->open(good, pending_, message).fault, ReplyFault::kNotPending);
}

/// A server that knows the client, and whatever it wants to reply.
class F002RoundTripTest : public ::testing::Test {
 protected:
  F002RoundTripTest() {
    std::string error;
    server_ = SingleServer::create(key_, &clients_, ClientPolicy::kOptional, &error);
    EXPECT_NE(server_, nullptr) << error;
  }

  Random random_{41};
  const Bytes32 server_private_ = random_.bytes32();
  const Bytes32 client_private_ = random_.bytes32();
  const ServerKey key_{PrivateKey(server_private_), {.suite = kSuiteF002, .label = "a"}};
  const EnrolledKeys clients_{std::vector{PrivateKey(client_private_).public_key()}};
  std::unique_ptr<SingleServer> server_;
};

TEST_F(F002RoundTripTest, MessagesOfEveryKindAndPadding) {
  for (const Bytes32* client_private : {static_cast<const Bytes32*>(nullptr), &client_private_}) {
    const auto client = make_client(key_.public_key(), "a", client_private);
    for (const std::size_t size : {0, 1, 63, 700}) {
      for (const std::size_t padding : {0, 1, 500}) {
        const Bytes message = random_.bytes(size);
        Bytes request(size + padding + client->overhead_size());
        PendingRequest pending;
        ASSERT_EQ(client->seal(message, request, pending, padding), request.size());
        const SingleServer::Opened opened = server_->open(request);
        ASSERT_EQ(to_string(opened.drop), to_string(DropReason::kNone));
        ASSERT_TRUE(std::ranges::equal(opened.message, message));
        ASSERT_EQ(opened.client != nullptr, client_private != nullptr);
        const Bytes answer(kDatagramSizeMax - kF002ReplyOverheadSize, 0x44);
        const auto reply = server_->reply(answer);
        ASSERT_EQ(reply.size(), kDatagramSizeMax);
        Bytes back(reply.size());
        const Client::Opened got = client->open(reply, pending, back);
        ASSERT_EQ(to_string(got.fault), to_string(ReplyFault::kNone));
        back.resize(got.size);
        ASSERT_EQ(back, answer);
      }
    }
  }
}

TEST_F(F002RoundTripTest, OneRequestMayGetTwoReplies) {
  const auto client = make_client(key_.public_key(), "a", &client_private_);
  Bytes request(3 + client->overhead_size());
  PendingRequest pending;
  ASSERT_EQ(client->seal(Bytes{1, 2, 3}, request, pending), request.size());
  std::set<Bytes> nonces;
  for (std::uint8_t i = 0; i < 10; ++i) {
    ASSERT_EQ(server_->open(request).drop, DropReason::kNone);
    const auto reply = server_->reply(Bytes{static_cast<std::uint8_t>(i / 2)});
    ASSERT_EQ(reply.size(), 1 + kF002ReplyOverheadSize);
    nonces.insert(Bytes(reply.begin() + 20, reply.begin() + 36));
  }
  EXPECT_EQ(nonces.size(), 10u);
}

/// What an outsider can do who knows S and the victim's C: a box that opens, over a text that does
/// not.
Bytes forge(crypto::SymmetricEngine& engine, const ServerKey& server, const PublicKey& victim,
            const Bytes32& ephemeral_key, const Bytes32& guess) {
  namespace suite_f002 = protocol::suite_f002;
  suite_f002::ClientState state(engine);
  state.server = server.public_key();
  state.key_id = server.key_id();
  state.context = suite_f002::make_context(engine.sha256(), true, server.key_id(), server.label());
  state.authenticated = true;
  state.client_key = victim;
  state.static_secret = guess;
  Bytes request(kF002AuthOverheadSize + 5);
  suite_f002::ReplyExpectation reply;
  suite_f002::seal_request(engine, state, x25519(ephemeral_key, Bytes32{9}),
                           x25519(ephemeral_key, server.public_key()), Bytes(5), request, reply);
  return request;
}

TEST_F(F002RoundTripTest, AThousandForgedRequestsChangeNothingForTheVictim) {
  const auto engine = std::move(*crypto::SymmetricEngine::create());
  const PublicKey victim = PrivateKey(client_private_).public_key();
  const auto client = make_client(key_.public_key(), "a", &client_private_);
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  std::vector<Bytes> requests;
  // The forger does know one secret; this shows that nothing but the secret is wrong.
  const Bytes32 known = x25519(client_private_, key_.public_key());
  for (std::size_t i = 0; i <= 1000; ++i) {
    requests.push_back(
        forge(*engine, key_, victim, random_.bytes32(), i == 1000 ? known : random_.bytes32()));
  }
  std::size_t forged = 0;
  for (std::size_t at = 0; at < 1000; at += kBurstLanesMax - 1) {
    Bytes honest(1 + client->overhead_size());
    PendingRequest pending;
    ASSERT_EQ(client->seal(Bytes{7}, honest, pending), honest.size());
    burst->size = 0;
    for (std::size_t i = at; i < std::min<std::size_t>(at + kBurstLanesMax - 1, 1000); ++i) {
      burst->add(requests[i], key_);
    }
    burst->add(honest, key_);
    open_burst(*processor, *burst, clients_);
    const std::size_t last = burst->size - 1;
    for (std::size_t lane = 0; lane < last; ++lane, ++forged) {
      ASSERT_EQ(to_string(burst->drop[lane]), to_string(DropReason::kClientTag));
    }
    ASSERT_EQ(to_string(burst->drop[last]), to_string(DropReason::kNone));
    EXPECT_EQ(message_of(*burst, last), Bytes{7});
    EXPECT_EQ(burst->client[last]->public_key, victim);
    processor->wipe_secrets(*burst);
  }
  EXPECT_EQ(forged, 1000u);
  EXPECT_EQ(server_->open(requests[1000]).drop, DropReason::kNone);
}

TEST_F(F002RoundTripTest, AnotherLabelIsAnotherKey) {
  const auto client = make_client(key_.public_key(), "b", nullptr);
  Bytes request(client->overhead_size());
  PendingRequest pending;
  ASSERT_EQ(client->seal({}, request, pending), request.size());
  EXPECT_EQ(server_->open(request).drop, DropReason::kKeyId);
  // Even if the kid were right.
  std::ranges::copy(key_.key_id(), request.begin() + kHeaderSize);
  EXPECT_EQ(server_->open(request).drop, DropReason::kTag);
}

TEST_F(F002RoundTripTest, WhatDoesNotFitIsNotSealed) {
  const auto client = make_client(key_.public_key(), "a", nullptr);
  PendingRequest pending;
  Bytes request(10 + client->overhead_size(), 0x5a);
  EXPECT_EQ(client->seal(Bytes(11), request, pending), 0u);
  EXPECT_EQ(client->seal(Bytes(9), request, pending, 2), 0u);
  EXPECT_EQ(client->seal({}, request, pending, SIZE_MAX), 0u);
  Bytes space(0x20000);
  EXPECT_EQ(client->seal(Bytes(0x10000), space, pending), 0u);
  EXPECT_FALSE(pending.pending());
  EXPECT_TRUE(std::ranges::all_of(request, [](auto b) { return b == 0x5a; }));
  const auto suite1 = Client::create(key_.public_key(), nullptr, nullptr);
  EXPECT_EQ(suite1->seal({}, request, pending, 1), 0u);
}

TEST_F(F002RoundTripTest, FaultyUsesAreRefused) {
  const PublicKey server = key_.public_key();
  const std::string label(65, 'x');
  std::string error;
  EXPECT_EQ(Client::create(server, nullptr, &error, {.suite = kSuiteF002, .label = label}),
            nullptr);
  EXPECT_EQ(error, "the label is longer than 64 bytes");
  EXPECT_EQ(Client::create(server, nullptr, &error, {.suite = kSuite1, .label = "x"}), nullptr);
  EXPECT_EQ(error, "suite 1 has no label");
  EXPECT_EQ(Client::create(server, nullptr, &error, {.suite = 2}), nullptr);
  EXPECT_EQ(error, "there is no such suite");
  const PrivateKey own(server_private_);
  EXPECT_EQ(Client::create(server, &own, &error, {.suite = kSuiteF002}), nullptr);
}

TEST_F(F002RoundTripTest, StaleRandomnessGivesNoTwoTextsOneEphemeralKey) {
  for (const Bytes32* client_private : {static_cast<const Bytes32*>(nullptr), &client_private_}) {
    const auto client = make_client(key_.public_key(), "a", client_private);
    const auto enc_of = [&](const Bytes& message, std::size_t padding) {
      Bytes request(message.size() + padding + client->overhead_size());
      PendingRequest pending;
      random_is_stale = true;
      const std::size_t size = client->seal(message, request, pending, padding);
      random_is_stale = false;
      EXPECT_EQ(size, request.size());
      return Bytes(request.begin() + kEncOffset, request.begin() + kEncOffset + kDhSize);
    };
    std::set<Bytes> encs;
    for (const std::size_t padding : {0, 1, 2, 256, 1000}) {
      encs.insert(enc_of({1, 2, 3}, padding));
      encs.insert(enc_of({1, 2, 3, 0}, padding));
    }
    EXPECT_EQ(encs.size(), 10u);
    EXPECT_EQ(enc_of({1, 2, 3}, 0), enc_of({1, 2, 3}, 0));  // The same text, and no harm is done.
  }
}

TEST_F(F002RoundTripTest, EphemeralKeysDoNotRepeat) {
  const auto client = make_client(key_.public_key(), "a", nullptr);
  std::set<Bytes> encs;
  for (int i = 0; i < 100; ++i) {
    Bytes request(client->overhead_size());
    PendingRequest pending;
    ASSERT_EQ(client->seal({}, request, pending), request.size());
    encs.insert(Bytes(request.begin() + 8, request.begin() + 40));
  }
  EXPECT_EQ(encs.size(), 100u);
}

}  // namespace
}  // namespace pssst::testing
