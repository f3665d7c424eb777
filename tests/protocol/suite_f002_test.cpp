// Every vector of suite 0xF002 on the server's side, in every lane, among lanes of suite 1 and of
// other keys; and what the specification says of its cost.
#include "protocol/suite_f002.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "crypto/hkdf.hpp"
#include "protocol/hpke.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/suite_f002_vectors.hpp"

namespace pssst::testing {
namespace {

namespace suite_f002 = protocol::suite_f002;

template <class Bytes1, class Bytes2>
::testing::AssertionResult same(const Bytes1& a, const Bytes2& b) {
  if (std::ranges::equal(a, b)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "other bytes";
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

crypto::SymmetricEngine& engine() {
  static const auto made = crypto::SymmetricEngine::create();
  return **made;
}

/// One request of a burst and what must become of it.
struct Item {
  std::string name;
  const ServerKey* key = nullptr;
  Bytes request;
  DropReason drop = DropReason::kNone;
  // Of a request that opens, where the vectors tell.
  std::optional<Bytes> message{};
  std::optional<PublicKey> client{};
  const F002Positive* row = nullptr;  ///< of this suite, with all that lies between
};

class F002VectorsTest : public ::testing::Test {
 protected:
  using Named = std::pair<Bytes32, std::string>;

  F002VectorsTest() {
    for (const PublicKey& key : enrolled_clients()) clients_.enrol(key);
    for (const PublicKey& key : f002_vectors().negative_enrolled) clients_.enrol(key);
    for (const F002Positive& row : f002_vectors().positive) {
      if (row.client) clients_.enrol(row.client->public_key);
    }
  }

  const ServerKey& key(const Bytes32& server_private, const std::string& label) {
    const auto [at, made] = keys_.try_emplace({server_private, label}, PrivateKey(server_private),
                                              KeyUse{.suite = kSuiteF002, .label = label});
    return at->second;
  }

  void add_positive() {
    for (const F002Positive& row : f002_vectors().positive) {
      items_.push_back({.name = "positive row " + std::to_string(items_.size()),
                        .key = &key(row.server_private, row.label),
                        .request = row.request,
                        .message = row.message,
                        .client = row.client ? std::optional(row.client->public_key) : std::nullopt,
                        .row = &row});
    }
  }

  /// Those that get as far as a burst.
  void add_negative() {
    for (const F002NegativeRequest& row : f002_vectors().negative_requests) {
      const ServerKey& server = key(f002_vectors().negative_server_private, row.label);
      if (pssst::admit(row.request, ClientPolicy::kOptional, {&server, 1}).key == nullptr) continue;
      items_.push_back(
          {.name = row.name, .key = &server, .request = row.request, .drop = row.drop});
    }
  }

  void add_suite1() {
    for (const PositiveVector& row : suite1_vectors().positive) {
      items_.push_back({.name = row.id,
                        .key = &suite1_keys_[row.server_private],
                        .request = row.request,
                        .message = row.plaintext,
                        .client = row.client_public});
    }
    for (const NegativeRequest& row : suite1_vectors().negative_requests) {
      if (admit(row.request, ClientPolicy::kOptional) != DropReason::kNone) continue;
      items_.push_back({.name = row.id,
                        .key = &suite1_keys_[row.server_private],
                        .request = row.request,
                        .drop = row.drop});
    }
  }

  const Item& item_in(std::size_t turn, std::size_t lane) const {
    return items_[(turn + lane) % items_.size()];
  }

  /// After open(): the first stage.
  void expect_first_stage(std::size_t lane, const F002Positive& row) const {
    EXPECT_EQ(burst_->shared_secret[lane], row.dh);
    EXPECT_TRUE(same(std::span(burst_->key_material[lane]).first(28),
                     joined(row.hpke_key, row.hpke_nonce)));
    const std::span secret = burst_->reply_secret[lane];
    EXPECT_TRUE(row.client ? same(secret.first<32>(), row.client->exported)
                           : same(secret, row.export_reply));
  }

  /// After prove().
  void expect_opened(std::size_t lane, const Item& item) const {
    ASSERT_EQ(to_string(burst_->drop[lane]), to_string(item.drop)) << item.name << " in " << lane;
    if (item.drop != DropReason::kNone) {
      EXPECT_EQ(burst_->message[lane], nullptr);
      EXPECT_EQ(burst_->client[lane], nullptr);
      return;
    }
    if (!item.message) return;
    EXPECT_EQ(message_of(*burst_, lane), *item.message) << item.name << " in " << lane;
    ASSERT_EQ(burst_->client[lane] != nullptr, item.client.has_value()) << item.name;
    if (item.client) {
      EXPECT_EQ(burst_->client[lane]->public_key, *item.client);
    }
    if (item.row == nullptr) return;
    const std::span secret = burst_->reply_secret[lane];
    EXPECT_TRUE(same(secret.first<32>(), item.row->reply_secret));
    EXPECT_TRUE(same(secret.last<16>(), item.row->rid));
    if (item.row->client) {
      EXPECT_TRUE(same(std::span(burst_->key_material[lane]).first(28),
                       joined(item.row->client->key, item.row->client->nonce)));
    }
  }

  /// Seals under the vectors' snonces what is answered with their replies.
  void expect_sealed(std::size_t turn) {
    std::vector<std::uint8_t> lanes;
    for (std::size_t lane = 0; lane < burst_->size; ++lane) {
      const F002Positive* row = item_in(turn, lane).row;
      if (row == nullptr || burst_->drop[lane] != DropReason::kNone) continue;
      lanes.push_back(static_cast<std::uint8_t>(lane));
      answer(*burst_, lane, row->reply_message);
      std::ranges::copy(row->snonce, burst_->reply[lane].begin() + suite_f002::kServerNonceOffset);
    }
    stages_.seal_replies(engine(), *burst_, lanes);
    for (const std::size_t lane : lanes) {
      const F002Positive& row = *item_in(turn, lane).row;
      EXPECT_TRUE(same(std::span(burst_->key_material[lane]).first(28),
                       joined(row.reply_key, row.reply_nonce)));
      EXPECT_EQ(reply_of(*burst_, lane), row.reply) << lane;
    }
    engine().clear_keys();
  }

  EnrolledKeys clients_;
  std::map<Named, ServerKey> keys_;
  ServerKeys suite1_keys_;
  std::vector<Item> items_;
  std::unique_ptr<RequestProcessor> processor_ = make_processor();
  RequestBurstPointer burst_ = make_request_burst();
  suite_f002::ServerStages stages_{engine()};
};

TEST_F(F002VectorsTest, EveryVectorInEveryLaneMixedWithSuite1) {
  add_positive();
  add_suite1();
  add_negative();
  ASSERT_GT(items_.size(), kBurstLanesMax);
  // Turned by one each time, so that each item comes to stand in each lane, among all others.
  for (std::size_t turn = 0; turn < items_.size(); ++turn) {
    burst_->size = 0;
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      burst_->add(item_in(turn, lane).request, *item_in(turn, lane).key);
    }
    processor_->multiply(*burst_);
    processor_->open(*burst_);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      const Item& item = item_in(turn, lane);
      if (item.row != nullptr) expect_first_stage(lane, *item.row);
    }
    processor_->identify(*burst_, clients_);
    processor_->prove(*burst_);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      expect_opened(lane, item_in(turn, lane));
    }
    expect_sealed(turn);
    processor_->wipe_secrets(*burst_);
    if (HasFailure()) return;
  }
}

TEST_F(F002VectorsTest, EachNegativeRequestIsDroppedForItsReason) {
  std::map<DropReason, int> counts;
  for (const F002NegativeRequest& row : f002_vectors().negative_requests) {
    const ServerKey& server = key(f002_vectors().negative_server_private, row.label);
    const Admitted admitted = pssst::admit(row.request, ClientPolicy::kOptional, {&server, 1});
    DropReason drop = admitted.drop;
    if (admitted.key != nullptr) {
      burst_->size = 0;
      burst_->add(row.request, server);
      open_burst(*processor_, *burst_, clients_);
      drop = burst_->drop[0];
      processor_->wipe_secrets(*burst_);
    }
    EXPECT_EQ(to_string(drop), to_string(row.drop)) << row.name;
    ++counts[drop];
  }
  EXPECT_EQ(f002_vectors().negative_requests.size(), 53u);
  EXPECT_EQ(counts[DropReason::kClientTag], 9);
  EXPECT_EQ(counts[DropReason::kClientUnknown], 2);
  EXPECT_EQ(counts.size(), 13u);
}

TEST(F002KeyTest, WhatDependsOnKeyAndLabelIsAsInTheVectors) {
  auto& sha256 = engine().sha256();
  for (const F002Positive& row : f002_vectors().positive) {
    const ServerKey key(PrivateKey(row.server_private), {.suite = kSuiteF002, .label = row.label});
    EXPECT_EQ(key.public_key(), row.server_public);
    EXPECT_TRUE(same(key.key_id(), row.kid));
    EXPECT_EQ(key.label(), row.label);
    EXPECT_EQ(suite_f002::make_context(sha256, row.client.has_value(), key.key_id(), row.label),
              protocol::hpke::make_key_schedule_context(sha256, row.info));
  }
}

TEST(F002KeyTest, TheSecondStagesKeyIsAsInTheVectors) {
  std::size_t rows = 0;
  for (const F002Positive& row : f002_vectors().positive) {
    if (!row.client) continue;
    ++rows;
    EXPECT_EQ(x25519(row.server_private, row.client->public_key), row.client->static_secret);
    crypto::HmacKey salt;
    engine().sha256().make_hmac_key(row.client->exported, salt);
    const crypto::HmacKey* const salts = &salt;
    Bytes32 prk{};
    std::uint8_t* const out = prk.data();
    const std::array ikm{crypto::MessagePart::same(row.client->static_secret),
                         crypto::MessagePart::same(row.client->public_key)};
    crypto::hkdf_extract(engine().sha256(), &salts, ikm, &out, 1);
    EXPECT_EQ(prk, row.client->prk);
  }
  EXPECT_EQ(rows, 54u);
}

TEST(F002BodyTest, EveryLengthAndPadding) {
  for (std::size_t size = 2; size < 40; ++size) {
    for (std::size_t length = 0; length < 40; ++length) {
      Bytes body(size, 0);
      body[1] = static_cast<std::uint8_t>(length);
      std::fill_n(body.begin() + 2, std::min(length, size - 2), 0x77);
      const suite_f002::ParsedBody parsed = suite_f002::parse_body(body);
      ASSERT_EQ(parsed.length_fits, length <= size - 2);
      if (!parsed.length_fits) continue;
      ASSERT_TRUE(parsed.padding_zero);
      ASSERT_EQ(parsed.message_size, length);
      for (std::size_t at = 2 + length; at < size; ++at) {
        Bytes spoilt = body;
        spoilt[at] = 0x80;
        ASSERT_FALSE(suite_f002::parse_body(spoilt).padding_zero);
      }
    }
  }
  Bytes long_one(2, 0xff);
  EXPECT_FALSE(suite_f002::parse_body(long_one).length_fits);
  long_one.resize(2 + 0xffff);
  EXPECT_EQ(suite_f002::parse_body(long_one).message_size, 0xffffu);
}

/// SHA-256 blocks of one request and its reply, through the stages, snonce aside.
std::uint64_t blocks_of(const F002Positive& row) {
  const ServerKey key(PrivateKey(row.server_private), {.suite = kSuiteF002, .label = row.label});
  const RequestBurstPointer burst = make_request_burst();
  suite_f002::ServerStages stages(engine());
  const std::array<std::uint8_t, 1> lanes{0};
  burst->add(row.request, key);
  burst->authenticated[0] = row.client ? 1 : 0;
  burst->shared_secret[0] = row.dh;
  const std::uint64_t before = engine().sha256().blocks();
  stages.derive(engine(), *burst, lanes);
  EXPECT_EQ(suite_f002::ServerStages::open_request(engine(), *burst, 0), DropReason::kNone);
  if (row.client) {
    const Bytes32* const secret = &row.client->static_secret;
    stages.derive_client(engine(), *burst, lanes, &secret);
    EXPECT_EQ(suite_f002::ServerStages::open_client_text(engine(), *burst, 0), DropReason::kNone);
  }
  answer(*burst, 0, row.reply_message);
  stages.seal_replies(engine(), *burst, lanes);
  const std::uint64_t after = engine().sha256().blocks();
  engine().clear_keys();
  return after - before;
}

TEST(F002CostTest, ARequestWithItsReplyTakes33BlocksOr43) {
  for (const F002Positive& row : f002_vectors().positive) {
    ASSERT_EQ(blocks_of(row), row.client ? 43u : 33u);
  }
}

}  // namespace
}  // namespace pssst::testing
