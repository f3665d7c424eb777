// Every vector of suite 1: the server's side through bursts, the client's side alone.
#include "protocol/suite1.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "protocol/client_internals.hpp"
#include "protocol/protocol_testing.hpp"
#include "pssst/server.hpp"

namespace pssst::testing {
namespace {

/// One request of a burst and what must become of it.
struct Item {
  std::string id;
  Bytes32 server_private{};
  Bytes request;
  DropReason drop = DropReason::kNone;
  // Of a request that opens, where the vectors tell.
  std::optional<Bytes> message{};
  std::optional<PublicKey> client{};
  Bytes reply_message{};
  std::optional<Bytes> reply{};
};

std::vector<Item> positive_items() {
  std::vector<Item> items;
  for (const PositiveVector& row : suite1_vectors().positive) {
    items.push_back({.id = row.id,
                     .server_private = row.server_private,
                     .request = row.request,
                     .message = row.plaintext,
                     .client = row.client_public,
                     .reply_message = row.reply_plaintext.value_or(Bytes{1, 2, 3}),
                     .reply = row.reply});
  }
  return items;
}

/// The negative rows that get as far as a burst.
std::vector<Item> negative_items() {
  std::vector<Item> items;
  for (const NegativeRequest& row : suite1_vectors().negative_requests) {
    if (admit(row.request, ClientPolicy::kOptional) != DropReason::kNone) continue;
    items.push_back({.id = row.id,
                     .server_private = row.server_private,
                     .request = row.request,
                     .drop = row.drop});
  }
  return items;
}

/// Good and bad requests for server keys that no vector uses.
std::vector<Item> strangers() {
  const Bytes32 enrolled = *suite1_vectors().positive.at(9).client_private;
  Random random(1);
  const Bytes32 unknown = random.bytes32();
  std::vector<Item> items;
  for (std::size_t i = 0; i < 4; ++i) {
    const Bytes32 key = random.bytes32();
    const Bytes message = random.bytes(100 * i);
    const auto seal = [&](const Bytes32* client) {
      return honest_request(key, client, random.bytes32(), message);
    };
    items.push_back({.id = "stranger, anonymous",
                     .server_private = key,
                     .request = seal(nullptr),
                     .message = message});
    items.push_back({.id = "stranger, enrolled client",
                     .server_private = key,
                     .request = seal(&enrolled),
                     .message = message,
                     .client = PrivateKey(enrolled).public_key()});
    items.push_back({.id = "stranger, unknown client",
                     .server_private = key,
                     .request = seal(&unknown),
                     .drop = DropReason::kClientUnknown});
    items.push_back({.id = "stranger, sealed for another server key",
                     .server_private = random.bytes32(),
                     .request = seal(&enrolled),
                     .drop = DropReason::kTag});
  }
  return items;
}

void expect_opened(const RequestBurst& burst, std::size_t lane, const Item& item) {
  ASSERT_EQ(to_string(burst.drop[lane]), to_string(item.drop)) << item.id << " in lane " << lane;
  if (item.drop != DropReason::kNone) {
    EXPECT_EQ(burst.message[lane], nullptr) << item.id;
    EXPECT_EQ(burst.message_size[lane], 0) << item.id;
    EXPECT_EQ(burst.client[lane], nullptr) << item.id;
    return;
  }
  if (!item.message) return;
  EXPECT_EQ(message_of(burst, lane), *item.message) << item.id << " in lane " << lane;
  const Identity* client = burst.client[lane];
  ASSERT_EQ(client != nullptr, item.client.has_value()) << item.id << " in lane " << lane;
  if (client != nullptr) {
    EXPECT_EQ(client->public_key, *item.client) << item.id << " in lane " << lane;
  }
}

void expect_sealed(const RequestBurst& burst, std::size_t lane, const Item& item) {
  if (item.drop != DropReason::kNone) {
    EXPECT_TRUE(burst.reply_datagram(lane).empty()) << item.id << " in lane " << lane;
  } else if (item.reply) {
    EXPECT_EQ(reply_of(burst, lane), *item.reply) << item.id << " in lane " << lane;
  } else {
    EXPECT_EQ(burst.reply_datagram_size[lane], kOverheadSize + item.reply_message.size())
        << item.id << " in lane " << lane;
  }
}

TEST(Suite1ServerTest, EveryVectorInEveryLane) {
  std::vector<Item> items = positive_items();
  for (auto more : {negative_items(), strangers()})
    items.insert(items.end(), more.begin(), more.end());
  const EnrolledKeys clients(enrolled_clients());
  ServerKeys keys;
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  // Turned by one each time, so that each item comes to stand in each lane, among all others.
  for (std::size_t turn = 0; turn < items.size(); ++turn) {
    const auto item_in = [&](std::size_t lane) -> const Item& {
      return items[(turn + lane) % items.size()];
    };
    burst->size = 0;
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      burst->add(item_in(lane).request, keys[item_in(lane).server_private]);
    }
    open_burst(*processor, *burst, clients);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      expect_opened(*burst, lane, item_in(lane));
      answer(*burst, lane, item_in(lane).reply_message);
    }
    processor->seal(*burst);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      expect_sealed(*burst, lane, item_in(lane));
    }
    processor->wipe_secrets(*burst);
    if (HasFatalFailure()) return;
  }
}

TEST(Suite1ServerTest, TheNegativeRowsReachTheCheckTheyStandFor) {
  std::map<DropReason, int> counts;
  for (const Item& item : negative_items()) ++counts[item.drop];
  EXPECT_EQ(counts[DropReason::kNone], 4);
  EXPECT_EQ(counts[DropReason::kTag], 7);
  EXPECT_EQ(counts[DropReason::kClientUnknown], 4);
  EXPECT_EQ(counts[DropReason::kProofMismatch], 1);
  EXPECT_EQ(counts.size(), 4u);
}

DropReason fate_of(const NegativeRequest& row, const ClientLookup& clients) {
  const ServerKey key{PrivateKey(row.server_private)};
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  burst->add(row.request, key);
  open_burst(*processor, *burst, clients);
  return burst->drop[0];
}

TEST(Suite1ServerTest, UnknownClientsGoOnToTheProofOnceTheyAreEnrolled) {
  std::size_t rows = 0;
  for (const NegativeRequest& row : suite1_vectors().negative_requests) {
    if (!row.if_enrolled) continue;
    ++rows;
    EnrolledKeys clients(enrolled_clients());
    EXPECT_EQ(fate_of(row, clients), DropReason::kClientUnknown) << row.id;
    clients.enrol(row.if_enrolled->client);
    EXPECT_EQ(to_string(fate_of(row, clients)), to_string(row.if_enrolled->drop)) << row.id;
  }
  EXPECT_EQ(rows, 4u);
}

/// What the later checks say to a row that admit() should have refused.
std::optional<DropReason> backstop(const NegativeRequest& row) {
  const std::string_view expected = row.expected_class;
  const bool zero_dh = std::ranges::all_of(std::span(row.request).subspan(kDhOffset, kDhSize),
                                           [](std::uint8_t byte) { return byte == 0; });
  if (expected.starts_with("LOW_ORDER") || zero_dh) return DropReason::kSharedSecretZero;
  if (expected == "AUTH_PAYLOAD_SHORT") return DropReason::kProofTooShort;
  if (expected == "CLIENT_AUTH_FAILED") return DropReason::kProofMismatch;
  if (expected == "ACCEPT") return std::nullopt;
  return DropReason::kTag;
}

TEST(Suite1ServerTest, BackstopsHoldWithoutAdmit) {
  const EnrolledKeys clients(enrolled_clients());
  std::map<DropReason, int> counts;
  for (const NegativeRequest& row : suite1_vectors().negative_requests) {
    const bool admitted = admit(row.request, ClientPolicy::kOptional) == DropReason::kNone;
    if (admitted || row.request.size() < kOverheadSize) continue;
    const std::optional<DropReason> expected = backstop(row);
    if (!expected) continue;
    EXPECT_EQ(to_string(fate_of(row, clients)), to_string(*expected)) << row.id;
    ++counts[*expected];
  }
  EXPECT_EQ(counts[DropReason::kSharedSecretZero], 14);
  EXPECT_EQ(counts[DropReason::kProofTooShort], 6);
  EXPECT_EQ(counts[DropReason::kProofMismatch], 1);
  EXPECT_EQ(counts[DropReason::kTag], 14);
}

TEST(Suite1ServerTest, APayloadWithoutRoomForTheProofLeavesNothingBehind) {
  const Bytes32 server = Random(2).bytes32();
  const ServerKey key{PrivateKey(server)};
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  const Bytes payload(63, 0xa5);
  const Bytes request =
      forge_request(server, {.flags = kFlagClientAuth, .suite = kSuite1}, Bytes32{9}, payload);
  burst->add(request, key);
  open_burst(*processor, *burst, EnrolledKeys());
  EXPECT_EQ(burst->drop[0], DropReason::kProofTooShort);
  EXPECT_TRUE(std::ranges::all_of(burst->plaintext[0], [](std::uint8_t b) { return b == 0; }));
}

// The client's side.

/// The private key of whoever called in `row`, where the vectors have it anywhere.
std::optional<Bytes32> client_private(const PositiveVector& row) {
  if (row.client_private || !row.client_public) return row.client_private;
  for (const PositiveVector& other : suite1_vectors().positive) {
    if (other.server_public == *row.client_public) return other.server_private;
  }
  return std::nullopt;
}

Bytes32 ephemeral_key_of(const PositiveVector& row) {
  const ServerKey key{PrivateKey(row.server_private)};
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  burst->add(row.request, key);
  processor->multiply(*burst);
  processor->open(*burst);
  Bytes32 out{};
  std::ranges::copy(protocol::suite1::proof_ephemeral_key(*burst, 0), out.begin());
  return out;
}

std::unique_ptr<Client> make_client(const PublicKey& server, const PrivateKey* key) {
  std::string error;
  auto client = Client::create(server, key, &error);
  EXPECT_NE(client, nullptr) << error;
  return client;
}

TEST(Suite1ClientTest, SealsTheClientAuthenticatedVectorsAndOpensTheirReplies) {
  std::size_t rows = 0;
  for (const PositiveVector& row : suite1_vectors().positive) {
    if (!row.client_public) continue;
    ++rows;
    ASSERT_TRUE(client_private(row)) << row.id;
    const PrivateKey key(*client_private(row));
    const auto client = make_client(row.server_public, &key);
    Bytes request(row.request.size());
    PendingRequest pending;
    ASSERT_EQ(protocol::ClientInternals::seal(*client, ephemeral_key_of(row), row.plaintext,
                                              request, pending),
              request.size());
    EXPECT_EQ(request, row.request) << row.id;
    if (!row.reply) continue;
    Bytes message(row.reply_plaintext->size());
    EXPECT_EQ(client->open(*row.reply, pending, message).fault, ReplyFault::kNone) << row.id;
    EXPECT_EQ(message, *row.reply_plaintext) << row.id;
  }
  EXPECT_EQ(rows, 28u);
}

/// Without the multiplication: the same vectors in every lane, whoever hashes.
TEST(Suite1Test, EverySha256KernelDerivesTheKeysOfEveryLane) {
  const auto& rows = suite1_vectors().positive;
  std::array<std::uint8_t, kBurstLanesMax> lanes{};
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes.at(i) = static_cast<std::uint8_t>(i);
  std::vector<Bytes32> shared_secrets;
  for (const PositiveVector& row : rows) {
    shared_secrets.push_back(x25519(row.server_private, protocol::suite1::read_dh(row.request)));
  }
  const ServerKey key{PrivateKey::generate()};  // which only a multiplication would ask
  const RequestBurstPointer burst = make_request_burst();
  for (const crypto::Sha256Kernel& kernel : crypto::sha256_kernels()) {
    if (!kernel.supported()) continue;
    auto engine = crypto::SymmetricEngine::create(kernel.name);
    ASSERT_TRUE(engine) << kernel.name;
    for (std::size_t shift = 0; shift < rows.size(); ++shift) {
      burst->size = 0;
      for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
        const PositiveVector& row = rows[(lane + shift) % rows.size()];
        burst->add(row.request, key);
        burst->authenticated[lane] = row.client_public ? 1 : 0;
        burst->shared_secret[lane] = shared_secrets[(lane + shift) % rows.size()];
      }
      protocol::suite1::derive(**engine, *burst, lanes);
      for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
        const PositiveVector& row = rows[(lane + shift) % rows.size()];
        ASSERT_EQ(protocol::suite1::open_request(**engine, *burst, lane), DropReason::kNone)
            << kernel.name << ", " << row.id << " in lane " << lane;
        ASSERT_EQ(message_of(*burst, lane), row.plaintext) << row.id;
      }
      (*engine)->clear_keys();
    }
  }
}

/// Their ephemeral keys are not known: what is sealed under the key that the server derives.
TEST(Suite1ClientTest, SealsTheAnonymousVectors) {
  std::size_t rows = 0;
  auto engine = crypto::SymmetricEngine::create();
  ASSERT_TRUE(engine);
  for (const PositiveVector& row : suite1_vectors().positive) {
    if (row.client_public) continue;
    ++rows;
    const Bytes32 dh = protocol::suite1::read_dh(row.request);
    Bytes request(row.request.size());
    protocol::suite1::seal_request(**engine, key_material_for(row.server_private, dh), dh, nullptr,
                                   row.plaintext, request);
    EXPECT_EQ(request, row.request) << row.id;
  }
  EXPECT_EQ(rows, 14u);
}

void expect_reply_to(std::span<const std::uint8_t> request, const Bytes32& server_private,
                     PendingRequest& pending) {
  const auto flags = static_cast<std::uint16_t>((request[0] << 8) | request[1]);
  const Bytes32 dh = protocol::suite1::read_dh(request);
  protocol::ClientInternals::expect_reply(pending, flags, dh, key_material_for(server_private, dh));
}

TEST(Suite1ClientTest, OpensEveryReplyOnce) {
  for (const PositiveVector& row : suite1_vectors().positive) {
    if (!row.reply) continue;
    const auto client = make_client(row.server_public, nullptr);
    PendingRequest pending;
    expect_reply_to(row.request, row.server_private, pending);
    Bytes message(row.reply_plaintext->size());
    const Client::Opened opened = client->open(*row.reply, pending, message);
    EXPECT_EQ(opened.fault, ReplyFault::kNone) << row.id;
    EXPECT_EQ(opened.size, message.size()) << row.id;
    EXPECT_EQ(message, *row.reply_plaintext) << row.id;
    EXPECT_FALSE(pending.pending()) << row.id;
    EXPECT_EQ(client->open(*row.reply, pending, message).fault, ReplyFault::kNotPending) << row.id;
  }
}

TEST(Suite1ClientTest, ABadReplyLeavesTheRequestPending) {
  for (const NegativeReply& row : suite1_vectors().negative_replies) {
    const auto good =
        std::ranges::find(suite1_vectors().positive, row.for_request, &PositiveVector::request);
    ASSERT_NE(good, suite1_vectors().positive.end()) << row.id;
    const auto client = make_client(good->server_public, nullptr);
    PendingRequest pending;
    expect_reply_to(row.for_request, row.server_private, pending);
    Bytes message(kDatagramSizeMax, 0x5a);
    EXPECT_EQ(to_string(client->open(row.reply, pending, message).fault), to_string(row.fault))
        << row.id;
    EXPECT_TRUE(pending.pending()) << row.id;
    EXPECT_TRUE(std::ranges::all_of(message, [](auto b) { return b == 0x5a || b == 0; })) << row.id;
    EXPECT_EQ(client->open(*good->reply, pending, message).fault, ReplyFault::kNone) << row.id;
    EXPECT_EQ(client->open(*good->reply, pending, message).fault, ReplyFault::kNotPending)
        << row.id;
  }
}

}  // namespace
}  // namespace pssst::testing
