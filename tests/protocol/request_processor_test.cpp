#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "protocol/protocol_testing.hpp"
#include "protocol/suite1.hpp"
#include "pssst/server.hpp"

namespace pssst::testing {
namespace {

constexpr protocol::Header kAuthHeader{.flags = kFlagClientAuth, .suite = kSuite1};

/// What a lane gives its reader and the wire.
struct Outcome {
  DropReason drop = DropReason::kNone;
  Bytes message;
  std::optional<PublicKey> client{};
  Bytes reply;
  bool operator==(const Outcome&) const = default;
};

class RequestProcessorTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kServers = 3;
  static constexpr std::size_t kClients = 3;

  RequestProcessorTest() {
    for (Bytes32& key : servers_) key = random_.bytes32();
    for (Bytes32& key : client_privates_) {
      key = random_.bytes32();
      clients_.enrol(PrivateKey(key).public_key());
    }
  }

  const ServerKey& key(std::size_t i) { return keys_[servers_[i % kServers]]; }
  PublicKey client_public(std::size_t i) const {
    return PrivateKey(client_privates_[i % kClients]).public_key();
  }
  Bytes anonymous(std::size_t server, std::span<const std::uint8_t> message) {
    return honest_request(servers_[server % kServers], nullptr, random_.bytes32(), message);
  }
  Bytes authenticated(std::size_t server, std::size_t client,
                      std::span<const std::uint8_t> message) {
    return honest_request(servers_[server % kServers], &client_privates_[client % kClients],
                          random_.bytes32(), message);
  }
  /// dh = X25519(e, C), and a payload of the given C and e and a message.
  Bytes forged(std::size_t server, const Bytes32& dh, const Bytes32& c, const Bytes32& e) {
    Bytes payload(c.begin(), c.end());
    payload.insert(payload.end(), e.begin(), e.end());
    payload.push_back(0x33);
    return forge_request(servers_[server % kServers], kAuthHeader, dh, payload);
  }

  /// All stages; each lane is answered with its message twice.
  std::vector<Outcome> run() {
    open_burst(*processor_, *burst_, clients_);
    std::vector<Outcome> out(burst_->size);
    for (std::size_t lane = 0; lane < burst_->size; ++lane) {
      out[lane].drop = burst_->drop[lane];
      out[lane].message = message_of(*burst_, lane);
      if (burst_->client[lane] != nullptr) out[lane].client = burst_->client[lane]->public_key;
      Bytes reply = out[lane].message;
      reply.insert(reply.end(), out[lane].message.begin(), out[lane].message.end());
      answer(*burst_, lane, reply);
    }
    processor_->seal(*burst_);
    for (std::size_t lane = 0; lane < out.size(); ++lane) {
      out[lane].reply = reply_of(*burst_, lane);
    }
    processor_->wipe_secrets(*burst_);
    return out;
  }

  Random random_{23};
  std::array<Bytes32, kServers> servers_{};
  std::array<Bytes32, kClients> client_privates_{};
  ServerKeys keys_;
  EnrolledKeys clients_;
  std::unique_ptr<RequestProcessor> processor_ = make_processor();
  RequestBurstPointer burst_ = make_request_burst();
};

TEST_F(RequestProcessorTest, NamesItsKernel) {
  std::string error;
  EXPECT_FALSE(processor_->x25519_kernel().empty());
  EXPECT_GE(processor_->burst_limit(), 1u);
  EXPECT_LE(processor_->burst_limit(), kBurstLanesMax);
  const auto portable = RequestProcessor::create("portable", &error);
  ASSERT_NE(portable, nullptr) << error;
  EXPECT_EQ(portable->x25519_kernel(), "portable");
}

TEST_F(RequestProcessorTest, RefusesAKernelThatThereIsNot) {
  std::string error;
  EXPECT_EQ(RequestProcessor::create("abacus", &error), nullptr);
  EXPECT_NE(error.find("abacus"), std::string::npos) << error;
  EXPECT_NE(error.find("portable"), std::string::npos) << error;
  EXPECT_EQ(RequestProcessor::create("abacus", nullptr), nullptr);
}

TEST_F(RequestProcessorTest, AnEmptyBurstIsNothing) {
  EXPECT_TRUE(run().empty());
  EXPECT_EQ(clients_.finds(), 0u);
}

TEST_F(RequestProcessorTest, EveryBurstSize) {
  const Bytes message = random_.bytes(20);
  std::vector<Bytes> requests;
  for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
    requests.push_back(lane % 2 == 0 ? anonymous(lane, message)
                                     : authenticated(lane, lane, message));
  }
  for (std::size_t size = 1; size <= kBurstLanesMax; ++size) {
    burst_->size = 0;
    for (std::size_t lane = 0; lane < size; ++lane) burst_->add(requests[lane], key(lane));
    for (const Outcome& outcome : run()) ASSERT_EQ(outcome.message, message) << size;
  }
}

TEST_F(RequestProcessorTest, AllLanesAuthenticatedWithKeysOfTheirOwn) {
  std::vector<Bytes> requests;
  for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
    requests.push_back(authenticated(lane, lane / kServers, Bytes(lane, 0x11)));
    burst_->add(requests.back(), key(lane));
  }
  const auto outcomes = run();
  for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
    EXPECT_EQ(outcomes[lane].drop, DropReason::kNone);
    EXPECT_EQ(outcomes[lane].message, Bytes(lane, 0x11));
    EXPECT_EQ(outcomes[lane].client, client_public(lane / kServers));
  }
  EXPECT_EQ(clients_.finds(), 1u);
}

TEST_F(RequestProcessorTest, AnonymousBurstsAskForNoClient) {
  const Bytes request = anonymous(0, {});
  burst_->add(request, key(0));
  EXPECT_EQ(run().front().drop, DropReason::kNone);
  EXPECT_EQ(clients_.finds(), 0u);
}

/// A request is answered when its burst is gone, among others that were kept: by suite, and with
/// and without client authentication.
TEST_F(RequestProcessorTest, AKeptReplyIsSealedInABurstOfItsOwn) {
  struct Kept {
    std::unique_ptr<Client> client;
    Bytes request;
    PendingRequest pending;
    KeptReply reply;
    Bytes message;
  };
  const ServerKey suite1{PrivateKey(servers_[0])};
  const ServerKey f002(PrivateKey(servers_[1]), {.suite = kSuiteF002});
  const PrivateKey client_key(client_privates_[0]);
  std::vector<Kept> kept(4);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const ServerKey& key = i < 2 ? suite1 : f002;
    kept[i].client = Client::create(key.public_key(), i % 2 == 0 ? nullptr : &client_key, nullptr,
                                    {.suite = key.suite()});
    ASSERT_NE(kept[i].client, nullptr);
    kept[i].message = random_.bytes(10 + i);
    kept[i].request.resize(kept[i].message.size() + kept[i].client->overhead_size());
    ASSERT_EQ(kept[i].client->seal(kept[i].message, kept[i].request, kept[i].pending),
              kept[i].request.size());
    burst_->add(kept[i].request, key);
  }
  open_burst(*processor_, *burst_, clients_);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    ASSERT_EQ(message_of(*burst_, i), kept[i].message) << i;
    burst_->keep(i, kept[i].reply);
    answer(*burst_, i, kept[i].message);
  }
  processor_->seal(*burst_);
  const Bytes at_once = reply_of(*burst_, 1);
  processor_->wipe_secrets(*burst_);

  // The last is answered first.
  burst_->size = 0;
  for (std::size_t i = kept.size(); i-- > 0;) {
    burst_->add_kept(kept[i].reply);
    answer(*burst_, burst_->size - 1, kept[i].message);
  }
  processor_->seal(*burst_);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Bytes reply = reply_of(*burst_, kept.size() - 1 - i);
    Bytes space(reply.size());
    const Client::Opened opened = kept[i].client->open(reply, kept[i].pending, space);
    EXPECT_EQ(opened.fault, ReplyFault::kNone) << i;
    space.resize(opened.size);
    EXPECT_EQ(space, kept[i].message) << i;
  }
  EXPECT_EQ(reply_of(*burst_, 2), at_once)
      << "in suite 1 a reply is the same whenever it is sealed";
}

TEST_F(RequestProcessorTest, TheLookupsReasonIsTheLanes) {
  const ServerKey f002(PrivateKey(random_.bytes32()), {.suite = kSuiteF002});
  const PrivateKey private_key(client_privates_[0]);
  const auto caller =
      Client::create(f002.public_key(), &private_key, nullptr, {.suite = kSuiteF002});
  Bytes request(caller->overhead_size() + 5);
  PendingRequest pending;
  ASSERT_GT(caller->seal(Bytes(5), request, pending), 0u);
  for (const DropReason reason :
       {DropReason::kClientUnknown, DropReason::kClientRevoked, DropReason::kClientNotValidNow,
        DropReason::kClientsUnavailable, DropReason::kNone}) {
    // Nothing of what it names may count if there is a reason.
    clients_.set(client_public(0), {.drop = reason, .identity = {client_public(0)}});
    const Bytes suite1_request = authenticated(0, 0, Bytes(5));
    burst_->size = 0;
    burst_->add(suite1_request, key(0));
    burst_->add(request, f002);
    for (const Outcome& outcome : run()) {
      EXPECT_EQ(to_string(outcome.drop), to_string(reason));
      EXPECT_EQ(outcome.client.has_value(), reason == DropReason::kNone);
      EXPECT_EQ(outcome.message.empty(), reason != DropReason::kNone);
    }
  }
}

TEST_F(RequestProcessorTest, HandlersSeeTheMetadata) {
  const Bytes metadata = random_.bytes(kClientMetadataSizeMax);
  clients_.set(client_public(0),
               {.drop = DropReason::kNone,
                .identity = {.public_key = client_public(0), .metadata = metadata}});
  const Bytes request = authenticated(0, 0, Bytes(5));
  burst_->add(request, key(0));
  open_burst(*processor_, *burst_, clients_);
  ASSERT_NE(burst_->client[0], nullptr);
  EXPECT_EQ(burst_->client[0]->metadata.data(), metadata.data());
  EXPECT_EQ(burst_->client[0]->metadata.size(), metadata.size());
  processor_->wipe_secrets(*burst_);
  EXPECT_EQ(burst_->client[0], nullptr);
  EXPECT_EQ(burst_->identity[0].public_key, PublicKey{});
  EXPECT_TRUE(burst_->identity[0].metadata.empty());
}

/// One request of every kind that a burst can drop, with the reason.
struct Hostile {
  Bytes request;
  DropReason drop;
};

class HostileLanesTest : public RequestProcessorTest {
 protected:
  HostileLanesTest() {
    const Bytes32 e = random_.bytes32();
    const Bytes32 c = client_public(0);
    const Bytes32 dh = x25519(e, c);
    Bytes bad_tag = anonymous(0, random_.bytes(40));
    bad_tag.back() ^= 0x80;
    hostile_.push_back({forge_request(servers_[0], {0, kSuite1}, Bytes32{}, Bytes{1}),
                        DropReason::kSharedSecretZero});
    hostile_.push_back({bad_tag, DropReason::kTag});
    hostile_.push_back({anonymous(1, Bytes(9)), DropReason::kTag});
    hostile_.push_back(
        {forge_request(servers_[0], kAuthHeader, dh, Bytes(63)), DropReason::kProofTooShort});
    hostile_.push_back({forged(0, dh, random_.bytes32(), e), DropReason::kClientUnknown});
    hostile_.push_back({forged(0, dh, client_public(1), e), DropReason::kProofMismatch});
    hostile_.push_back({forged(0, dh, c, random_.bytes32()), DropReason::kProofMismatch});
    hostile_.push_back({forged(0, Bytes32{9}, c, Bytes32{}), DropReason::kProofMismatch});
    // 0 is enrolled here, which no enrolment would do.
    clients_.enrol(PublicKey{});
    hostile_.push_back({forged(0, dh, Bytes32{}, e), DropReason::kProofZero});
    // Its result is right in every byte but the last: X25519 never sets bit 255.
    Bytes32 top_bit = dh;
    top_bit.back() |= 0x80;
    hostile_.push_back({forged(0, top_bit, c, e), DropReason::kProofMismatch});
  }

  std::vector<Hostile> hostile_;
};

TEST_F(HostileLanesTest, EachIsDroppedForItsReason) {
  for (const Hostile& hostile : hostile_) burst_->add(hostile.request, key(0));
  const auto outcomes = run();
  for (std::size_t lane = 0; lane < outcomes.size(); ++lane) {
    EXPECT_EQ(to_string(outcomes[lane].drop), to_string(hostile_[lane].drop)) << lane;
    EXPECT_TRUE(outcomes[lane].message.empty()) << lane;
    EXPECT_FALSE(outcomes[lane].client) << lane;
    EXPECT_TRUE(outcomes[lane].reply.empty()) << lane;
  }
}

TEST_F(HostileLanesTest, TheirNeighboursAreAsWithoutThem) {
  std::vector<Bytes> good;
  for (std::size_t i = 0; i < kBurstLanesMax / 2; ++i) {
    const Bytes message = random_.bytes(i * 9);
    good.push_back(i % 3 == 0 ? anonymous(i, message) : authenticated(i, i, message));
    burst_->add(good.back(), key(i));
  }
  const auto alone = run();
  for (const Outcome& outcome : alone) ASSERT_EQ(outcome.drop, DropReason::kNone);
  for (std::size_t turn = 0; turn < hostile_.size(); ++turn) {
    burst_->size = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
      burst_->add(good[i], key(i));
      burst_->add(hostile_[(turn + i) % hostile_.size()].request, key(0));
    }
    const auto among = run();
    for (std::size_t i = 0; i < good.size(); ++i) {
      ASSERT_EQ(among[2 * i], alone[i]) << i << " turn " << turn;
      ASSERT_EQ(among[2 * i + 1].drop, hostile_[(turn + i) % hostile_.size()].drop);
    }
  }
}

TEST_F(HostileLanesTest, NothingOfAForgedTextIsLeft) {
  burst_->add(hostile_[1].request, key(0));
  std::ranges::fill(burst_->plaintext[0], 0);
  processor_->multiply(*burst_);
  processor_->open(*burst_);
  EXPECT_EQ(burst_->drop[0], DropReason::kTag);
  EXPECT_TRUE(std::ranges::all_of(burst_->plaintext[0], [](auto byte) { return byte == 0; }));
}

TEST_F(RequestProcessorTest, SkipsLanesDroppedByOthers) {
  const Bytes request = authenticated(0, 0, Bytes{1});
  for (int i = 0; i < 3; ++i) burst_->add(request, key(0));
  burst_->drop[1] = DropReason::kShutdown;
  const auto outcomes = run();
  EXPECT_EQ(outcomes[0].drop, DropReason::kNone);
  EXPECT_EQ(outcomes[1], (Outcome{DropReason::kShutdown, {}, {}, {}}));
  EXPECT_EQ(outcomes[2], outcomes[0]);
}

TEST_F(RequestProcessorTest, AReplyHasTheLengthOfItsMessageOrIsDropped) {
  const Bytes request = anonymous(0, {});
  const std::array<std::size_t, 5> sizes{0, 1, kReplySizeMax, kReplySizeMax + 1, 0x10000};
  for (std::size_t i = 0; i < sizes.size() + 1; ++i) burst_->add(request, key(0));
  open_burst(*processor_, *burst_, clients_);
  for (std::size_t i = 0; i < sizes.size(); ++i) answer(*burst_, i, Bytes(sizes[i], 0x77));
  processor_->seal(*burst_);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const bool fits = sizes[i] <= kReplySizeMax;
    EXPECT_EQ(burst_->drop[i], fits ? DropReason::kNone : DropReason::kReplyTooLong);
    EXPECT_EQ(burst_->reply_datagram(i).size(), fits ? sizes[i] + kOverheadSize : 0);
  }
  // Nobody answered the last.
  EXPECT_EQ(burst_->drop[sizes.size()], DropReason::kNone);
  EXPECT_TRUE(burst_->reply_datagram(sizes.size()).empty());
}

}  // namespace
}  // namespace pssst::testing
