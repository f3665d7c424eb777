#include "identity/sharded_table.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/hex.hpp"
#include "crypto/reference.hpp"
#include "identity/table_testing.hpp"

namespace pssst::identity {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::int64_t kNow = 1'800'000'000;

TEST(ShardedTable, EmptyItFindsNobody) {
  const ShardedTable table;
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(find_one(table, PublicKey{}, kNow).drop, DropReason::kClientUnknown);
  table.find({}, kNow, {});
}

TEST(ShardedTable, FindsEachOfManyAndNoStranger) {
  constexpr std::size_t kClients = 200'000;
  for (const bool reserved : {false, true}) {
    ShardedTable table;
    if (reserved) table.reserve(kClients, 8 * kClients);
    for (std::size_t i = 0; i < kClients; ++i) {
      const Bytes metadata(i % 17, static_cast<std::uint8_t>(i));
      ASSERT_EQ(table.put({.key = key_of(i), .metadata = metadata}), ShardedTable::Change::kMade);
      if (i % 4096 == 0) table.reclaim();
    }
    EXPECT_EQ(table.size(), kClients);
    std::size_t right = 0;
    std::size_t mistaken = 0;
    for (std::size_t i = 0; i < kClients; ++i) {
      const FoundClient found = find_one(table, key_of(i), kNow);
      right += found.drop == DropReason::kNone && found.identity.public_key == key_of(i) &&
                       metadata_of(found) == Bytes(i % 17, static_cast<std::uint8_t>(i))
                   ? 1
                   : 0;
      mistaken += find_one(table, key_of(i, 1), kNow).drop != DropReason::kClientUnknown ? 1 : 0;
    }
    EXPECT_EQ(right, kClients);
    EXPECT_EQ(mistaken, 0U);
  }
}

TEST(ShardedTable, ReservedItDoesNotGrowOnTheWay) {
  constexpr std::size_t kClients = 100'000;
  ShardedTable table;
  table.reserve(kClients, 0);
  table.reclaim();
  for (std::size_t i = 0; i < kClients; ++i) table.put({.key = key_of(i)});
  EXPECT_FALSE(table.has_retired());
}

TEST(ShardedTable, AnswersABurstInOrder) {
  ShardedTable table;
  for (std::size_t i = 0; i < 40; ++i) table.put({.key = key_of(i), .revoked = i % 2 == 0});
  std::array<PublicKey, kBurstLanesMax> keys{};
  std::array<const std::uint8_t*, kBurstLanesMax> pointers{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = key_of(i % 40, i % 3 == 0 ? 1 : 0);
    pointers[i] = keys[i].data();
  }
  for (std::size_t n = 0; n <= keys.size(); ++n) {
    std::array<FoundClient, kBurstLanesMax> found{};
    table.find(std::span(pointers).first(n), kNow, std::span(found).first(n));
    for (std::size_t i = 0; i < n; ++i) {
      const DropReason expected = i % 3 == 0        ? DropReason::kClientUnknown
                                  : i % 40 % 2 == 0 ? DropReason::kClientRevoked
                                                    : DropReason::kNone;
      ASSERT_EQ(to_string(found[i].drop), to_string(expected)) << i << " of " << n;
      if (expected == DropReason::kNone) {
        ASSERT_EQ(found[i].identity.public_key, keys[i]);
      }
    }
  }
}

TEST(ShardedTable, OneBitOffIsAStranger) {
  ShardedTable table;
  for (std::size_t i = 0; i < 1000; ++i) table.put({.key = key_of(i)});
  for (std::size_t bit = 0; bit < 8 * kKeySize; ++bit) {
    for (std::size_t i = 0; i < 1000; i += 100) {
      PublicKey key = key_of(i);
      key.at(bit / 8) ^= static_cast<std::uint8_t>(1U << bit % 8);
      ASSERT_EQ(find_one(table, key, kNow).drop, DropReason::kClientUnknown) << "bit " << bit;
    }
  }
}

/// RFC 7748, section 6.1: Alice's key, and with the multiples of the point of order 8 added.
constexpr std::array<std::string_view, 8> kAliases{
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    "ec06a18b2851717cbad4dda975daa176baef2f520371e51e5383029272448859",
    "617f0faafb9aece907649f7799156952781e7add56d30dc92c0e1a827a417138",
    "089c3ae2d855d84015b8c1f73f6c41c7a44668cd2e2b86d168f8169db5ce6a70",
    "d8541ee0876ac628c959d36665b860b829361a7ef413775c03edc4598abb9873",
    "b4e4475601305299515132f69cc2f54f7e305af7d681ab5c13e7a3d503e5516c",
    "7fe3a69419165b8eef5f5b4c19e8499193283e176ca54a0791fe1273ba018e33",
    "a9565602ff575d6fb96fc1f6251540e11e658d27e15c62706020f0b1f996e715",
};

TEST(ShardedTable, AliasesOfAnEnrolledKeyAreStrangers) {
  std::array<PublicKey, 16> aliases{};
  for (std::size_t i = 0; i < kAliases.size(); ++i) {
    ASSERT_TRUE(base::from_hex(kAliases[i], aliases[i]));
    aliases[i + 8] = aliases[i];
    aliases[i + 8].back() |= 0x80;
  }
  const test::Bytes32 scalar{1, 2, 3};
  for (const PublicKey& alias : aliases) {
    // What makes them aliases: one private key passes for all of them.
    EXPECT_EQ(test::reference_x25519(scalar, alias), test::reference_x25519(scalar, aliases[0]));
  }
  for (const PublicKey& enrolled : aliases) {
    ShardedTable table;
    for (std::size_t i = 0; i < 1000; ++i) table.put({.key = key_of(i)});
    table.put({.key = enrolled});
    for (const PublicKey& alias : aliases) {
      EXPECT_EQ(find_one(table, alias, kNow).drop,
                alias == enrolled ? DropReason::kNone : DropReason::kClientUnknown);
    }
  }
}

TEST(ShardedTable, ServesWithinItsWindowOnly) {
  ShardedTable table;
  const PublicKey key = key_of(1);
  table.put({.key = key, .not_before = 1000, .not_after = 2000});
  for (const auto& [now, expected] : {std::pair{INT64_MIN, DropReason::kClientNotValidNow},
                                      {INT64_C(999), DropReason::kClientNotValidNow},
                                      {INT64_C(1000), DropReason::kNone},
                                      {INT64_C(2000), DropReason::kNone},
                                      {INT64_C(2001), DropReason::kClientNotValidNow},
                                      {INT64_MAX, DropReason::kClientNotValidNow}}) {
    EXPECT_EQ(find_one(table, key, now).drop, expected) << now;
  }
  table.put({.key = key, .not_before = 1000});
  EXPECT_EQ(find_one(table, key, INT64_MAX).drop, DropReason::kNone);
  EXPECT_EQ(find_one(table, key, INT64_C(999)).drop, DropReason::kClientNotValidNow);
  table.put({.key = key, .not_after = 2000});
  EXPECT_EQ(find_one(table, key, INT64_MIN).drop, DropReason::kNone);
  // Revoked counts before the rest.
  table.put({.key = key, .not_after = 2000, .revoked = true});
  EXPECT_EQ(find_one(table, key, INT64_MAX).drop, DropReason::kClientRevoked);
  EXPECT_EQ(table.revoked(), 1U);
}

TEST(ShardedTable, AWalkSeesEachClientThatIsServedOnce) {
  ShardedTable table;
  for (std::size_t i = 0; i < 3000; ++i) {
    table.put({.key = key_of(i), .not_after = i % 3 == 0 ? 1 : kNow, .revoked = i % 5 == 0});
  }
  std::set<PublicKey> seen;
  ShardedTable::Cursor cursor;
  while (!ShardedTable::at_end(cursor)) {
    std::array<Identity, 8> some;
    const std::size_t n = table.walk(cursor, kNow, some);
    for (const Identity& client : std::span(some).first(n)) {
      EXPECT_TRUE(seen.insert(client.public_key).second);
    }
  }
  for (std::size_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(seen.contains(key_of(i)), i % 3 != 0 && i % 5 != 0) << i;
  }
}

TEST(ShardedTable, TakesNoMoreThanAHundredBytesAKey) {
  constexpr std::size_t kClients = 1'000'000;
  // Grown on the way, at every fill: the dearest.
  ShardedTable table;
  const Bytes metadata(16, 1);
  for (std::size_t i = 0; i < kClients; ++i) {
    table.put({.key = key_of(i), .not_before = 1, .not_after = kNow, .metadata = metadata});
    if (i % 4096 == 0) table.reclaim();
    if (i > 100'000) {
      ASSERT_LE(table.memory(), 100 * table.size());
    }
  }
}

}  // namespace
}  // namespace pssst::identity
