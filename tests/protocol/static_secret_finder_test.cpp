#include "protocol/static_secret_finder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

using protocol::StaticSecretFinder;

class StaticSecretFinderTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kClients = 40;

  StaticSecretFinderTest() {
    for (Identity& client : clients_)
      client.public_key = PrivateKey(random_.bytes32()).public_key();
  }

  /// Lanes in turn for both keys and for all clients; every fourth client is unknown.
  std::vector<Bytes32> find(std::size_t n) {
    std::vector<std::uint8_t> lanes;
    for (std::size_t i = 0; i < n; ++i) {
      lanes.push_back(static_cast<std::uint8_t>(i));
      const Identity& client = clients_[i % kClients];
      burst_->key[i] = &key_of(i);
      burst_->client[i] = i % 4 == 3 ? nullptr : &client;
      std::ranges::copy(client.public_key, burst_->plaintext[i].begin());
    }
    std::vector<const Bytes32*> found(n);
    finder_.find(*burst_, lanes, found);
    std::vector<Bytes32> secrets;
    for (const Bytes32* secret : found) secrets.push_back(*secret);
    finder_.wipe(n);
    EXPECT_TRUE(std::ranges::all_of(found, [](auto secret) { return *secret == Bytes32{}; }));
    return secrets;
  }

  const ServerKey& key_of(std::size_t lane) const { return lane % 2 == 0 ? key_a_ : key_b_; }
  Bytes32 expected(std::size_t lane) const {
    return x25519(lane % 2 == 0 ? a_ : b_, clients_[lane % kClients].public_key);
  }

  Random random_{53};
  const Bytes32 a_ = random_.bytes32();
  const Bytes32 b_ = random_.bytes32();
  const ServerKey key_a_{PrivateKey(a_), {.suite = kSuiteF002}};
  const ServerKey key_b_{PrivateKey(b_), {.suite = kSuiteF002}};
  std::array<Identity, kClients> clients_{};
  RequestBurstPointer burst_ = make_request_burst();
  StaticSecretFinder finder_{*crypto::select_x25519_kernel({}), protocol::StaticSecrets(4096)};
};

TEST_F(StaticSecretFinderTest, MultipliesOnceAndRemembers) {
  for (int round = 0; round < 2; ++round) {
    const auto secrets = find(kClients);
    for (std::size_t i = 0; i < kClients; ++i) {
      if (i % 4 != 3) {
        EXPECT_EQ(secrets[i], expected(i)) << i;
      }
    }
    EXPECT_EQ(finder_.counts().multiplied, kClients * 3 / 4);
    EXPECT_EQ(finder_.counts().found, round * kClients * 3 / 4);
  }
}

TEST_F(StaticSecretFinderTest, UnknownClientsGetASecretThatNobodyKnows) {
  const auto secrets = find(8);
  EXPECT_EQ(secrets[3], secrets[7]);
  EXPECT_NE(secrets[3], Bytes32{});
  EXPECT_NE(secrets[3], expected(3));
  // Nothing was put into the table for them.
  EXPECT_EQ(finder_.counts().multiplied, 6u);
}

TEST_F(StaticSecretFinderTest, PreparedClientsCostNoMultiplication) {
  finder_.prepare(key_a_, clients_);
  finder_.prepare(key_b_, clients_);
  const auto secrets = find(kClients);
  for (std::size_t i = 0; i < kClients; ++i) {
    if (i % 4 != 3) {
      EXPECT_EQ(secrets[i], expected(i)) << i;
    }
  }
  EXPECT_EQ(finder_.counts().multiplied, 0u);
  finder_.clear();
  static_cast<void>(find(1));
  EXPECT_EQ(finder_.counts().multiplied, 1u);
}

TEST_F(StaticSecretFinderTest, AZeroServesNobody) {
  clients_[0].public_key = PublicKey{};
  for (int round = 0; round < 2; ++round) {
    const auto secrets = find(4);
    EXPECT_EQ(secrets[0], secrets[3]);
    EXPECT_EQ(secrets[1], expected(1));
  }
  EXPECT_EQ(finder_.counts().multiplied, 4u);
}

}  // namespace
}  // namespace pssst::testing
