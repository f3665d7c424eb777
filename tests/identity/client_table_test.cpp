#include "identity/client_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace pssst::identity {
namespace {

std::vector<Identity> make_identities(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Identity> identities(n);
  for (Identity& identity : identities) {
    for (std::uint8_t& byte : identity.public_key) byte = static_cast<std::uint8_t>(random());
  }
  return identities;
}

FoundClient find_one(const ClientTable& table, const PublicKey& key) {
  const std::array<const std::uint8_t*, 1> keys{key.data()};
  std::array<FoundClient, 1> found{};
  table.find(keys, found);
  return found[0];
}

TEST(ClientTable, EmptyTableFindsNobody) {
  const ClientTable table({});
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(find_one(table, PublicKey{}).drop, DropReason::kClientUnknown);
  table.find({}, {});
}

TEST(ClientTable, FindsEachOfManyAndNoStranger) {
  constexpr std::size_t kClients = 100'000;
  const std::vector<Identity> identities = make_identities(kClients, 1);
  const ClientTable table(identities);
  EXPECT_EQ(table.size(), kClients);
  const std::vector<Identity> strangers = make_identities(kClients, 2);
  std::size_t right = 0;
  std::size_t mistaken = 0;
  for (std::size_t i = 0; i < kClients; ++i) {
    const FoundClient found = find_one(table, identities[i].public_key);
    right += found.identity.public_key == identities[i].public_key ? 1 : 0;
    mistaken += find_one(table, strangers[i].public_key).drop == DropReason::kNone ? 1 : 0;
  }
  EXPECT_EQ(right, kClients);
  EXPECT_EQ(mistaken, 0U);
}

TEST(ClientTable, OneBitOffIsAStranger) {
  const std::vector<Identity> identities = make_identities(1000, 3);
  const ClientTable table(identities);
  for (std::size_t bit = 0; bit < 8 * kKeySize; ++bit) {
    for (std::size_t i = 0; i < identities.size(); i += 100) {
      PublicKey key = identities[i].public_key;
      key.at(bit / 8) ^= static_cast<std::uint8_t>(1U << bit % 8);
      ASSERT_EQ(find_one(table, key).drop, DropReason::kClientUnknown) << "bit " << bit;
    }
  }
}

TEST(ClientTable, AnswersABurstInOrder) {
  const std::vector<Identity> identities = make_identities(40, 4);
  const ClientTable table(identities);
  const std::vector<Identity> strangers = make_identities(kBurstLanesMax, 5);
  std::array<const std::uint8_t*, kBurstLanesMax> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys.at(i) = (i % 3 == 0 ? strangers[i] : identities[i % 40]).public_key.data();
  }
  std::array<FoundClient, kBurstLanesMax> found{};
  table.find(keys, found);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 3 == 0) {
      EXPECT_EQ(found.at(i).drop, DropReason::kClientUnknown);
    } else {
      ASSERT_EQ(found.at(i).drop, DropReason::kNone);
      EXPECT_EQ(found.at(i).identity.public_key, identities[i % 40].public_key);
    }
  }
}

TEST(ClientTable, KeysThatDifferOnlyAtOneEndStayApart) {
  std::vector<Identity> identities(256);
  for (std::size_t i = 0; i < identities.size(); ++i) {
    identities[i].public_key[i < 128 ? 0 : kKeySize - 1] = static_cast<std::uint8_t>(i + 1);
  }
  identities.back().public_key.fill(0);
  const ClientTable table(identities);
  for (const Identity& identity : identities) {
    const FoundClient found = find_one(table, identity.public_key);
    ASSERT_EQ(found.drop, DropReason::kNone);
    EXPECT_EQ(found.identity.public_key, identity.public_key);
  }
}

TEST(ClientTable, TheFirstOfTwoEqualKeysCounts) {
  std::vector<Identity> identities = make_identities(3, 6);
  const std::array<std::uint8_t, 2> metadata{1, 2};
  identities[2] = identities[0];
  identities[0].metadata = metadata;
  const ClientTable table(identities);
  EXPECT_EQ(find_one(table, identities[0].public_key).identity.metadata.size(), 2U);
  EXPECT_EQ(find_one(table, identities[1].public_key).identity.metadata.size(), 0U);
}

}  // namespace
}  // namespace pssst::identity
