#include "protocol/proof_cache.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "crypto/proof_check.hpp"
#include "protocol/protocol_testing.hpp"

namespace pssst::protocol {
namespace {

using crypto::Bytes32;
using crypto::ProofTable;

constexpr crypto::ProofForm kForm = crypto::ProofForm::kCentredLimbs;
constexpr std::size_t kSetMemory = ProofCache::kWays * ProofCache::kBytesPerTable;

class ProofCacheTest : public ::testing::Test {
 protected:
  Bytes32 make_key() { return PrivateKey(random_.bytes32()).public_key(); }
  std::vector<Bytes32> make_keys(std::size_t n) {
    std::vector<Bytes32> keys;
    for (std::size_t i = 0; i < n; ++i) keys.push_back(make_key());
    return keys;
  }

  static const ProofTable* find(ProofCache& cache, const Bytes32& key) {
    const std::uint8_t* bytes = key.data();
    const ProofTable* found = nullptr;
    cache.find({&bytes, 1}, {&found, 1});
    return found;
  }

  /// A right proof by the key's table; false if it has none.
  static bool use(ProofCache& cache, const Bytes32& key) {
    const ProofTable* table = find(cache, key);
    if (table != nullptr) cache.count_use(table);
    return table != nullptr;
  }

  /// Whether the table is this key's: by one right proof.
  bool is_of(const ProofTable& table, const Bytes32& key) {
    const crypto::X25519Scalar scalar(random_.bytes32());
    const crypto::X25519Scalar* scalars = &scalar;
    const ProofTable* tables = &table;
    const Bytes32 expected = testing::x25519(scalar.clamped(), key);
    return crypto::proof_kernel_beside(*crypto::select_x25519_kernel("portable"))
               .check(&scalars, &tables, &expected, 1)
               .equal == 1;
  }

  testing::Random random_{70};
};

TEST_F(ProofCacheTest, KeepsToItsMemory) {
  EXPECT_EQ(ProofCache(0, kForm).capacity(), 0U);
  EXPECT_EQ(ProofCache(0, kForm).memory(), 0U);
  for (const std::size_t memory : {std::size_t{1000}, kSetMemory - 1, kSetMemory, kSetMemory + 1,
                                   10 * kSetMemory, std::size_t{1000000}}) {
    const ProofCache cache(memory, kForm);
    EXPECT_LE(cache.memory(), memory);
    EXPECT_EQ(cache.capacity(), memory / kSetMemory * ProofCache::kWays);
  }
  EXPECT_THROW(ProofCache(std::size_t{1} << 62, kForm), std::bad_alloc);
}

TEST_F(ProofCacheTest, WithoutMemoryItIsOff) {
  ProofCache cache(0, kForm);
  const Bytes32 key = make_key();
  EXPECT_EQ(find(cache, key), nullptr);
  EXPECT_FALSE(cache.remember(key.data()));
  EXPECT_FALSE(cache.remember(key.data()));
  EXPECT_FALSE(cache.add(key.data()));
  EXPECT_EQ(find(cache, key), nullptr);
}

TEST_F(ProofCacheTest, FindsWhatWasAddedByItsExactBytes) {
  ProofCache cache(100 * kSetMemory, kForm);
  const auto keys = make_keys(100);
  for (const Bytes32& key : keys) EXPECT_TRUE(cache.add(key.data()));
  for (const Bytes32& key : keys) {
    const ProofTable* table = find(cache, key);
    ASSERT_NE(table, nullptr);
    EXPECT_TRUE(is_of(*table, key));
    Bytes32 other = key;
    other.back() |= 0x80;  // the same point to X25519
    EXPECT_EQ(find(cache, other), nullptr);
    for (std::size_t bit = 0; bit < 256; bit += 5) {
      other = key;
      other[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      EXPECT_EQ(find(cache, other), nullptr);
    }
  }
}

TEST_F(ProofCacheTest, FindsAWholeBurst) {
  ProofCache cache(50 * kSetMemory, kForm);
  const auto keys = make_keys(kBurstLanesMax);
  std::array<const std::uint8_t*, kBurstLanesMax> asked{};
  std::array<const ProofTable*, kBurstLanesMax> found{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    asked[i] = keys[i].data();
    if (i % 3 == 0) {
      EXPECT_TRUE(cache.add(keys[i].data()));
    }
  }
  for (std::size_t n = 0; n <= keys.size(); ++n) {
    found.fill(reinterpret_cast<const ProofTable*>(&found));
    cache.find(std::span(asked).first(n), std::span(found).first(n));
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(found[i] != nullptr, i % 3 == 0) << i;
  }
}

TEST_F(ProofCacheTest, AKeyIsAddedOnce) {
  ProofCache cache(kSetMemory, kForm);
  const Bytes32 key = make_key();
  EXPECT_TRUE(cache.add(key.data()));
  const ProofTable* table = find(cache, key);
  EXPECT_FALSE(cache.add(key.data()));
  EXPECT_EQ(find(cache, key), table);
}

TEST_F(ProofCacheTest, AKeyWithoutAPointTakesNoPlace) {
  ProofCache cache(kSetMemory, kForm);
  Bytes32 twist{2};
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(cache.add(twist.data()));
    EXPECT_EQ(find(cache, twist), nullptr);
  }
  const auto keys = make_keys(ProofCache::kWays);
  for (const Bytes32& key : keys) EXPECT_TRUE(cache.add(key.data()));
  EXPECT_FALSE(cache.add(twist.data()));
}

TEST_F(ProofCacheTest, RemembersTheLastKeysThatWereProvedOnce) {
  ProofCache cache(kSetMemory, kForm);
  const auto keys = make_keys(ProofCache::kWays + 1);
  for (const Bytes32& key : keys) EXPECT_FALSE(cache.remember(key.data()));
  for (std::size_t i = 1; i < keys.size(); ++i) EXPECT_TRUE(cache.remember(keys[i].data())) << i;
  EXPECT_FALSE(cache.remember(keys[0].data()));
}

TEST_F(ProofCacheTest, ANewcomerTakesThePlaceOfOneThatIsNotUsed) {
  ProofCache cache(kSetMemory, kForm);
  const auto keys = make_keys(ProofCache::kWays);
  for (const Bytes32& key : keys) EXPECT_TRUE(cache.add(key.data()));
  const std::size_t idle = 3;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i != idle) {
      EXPECT_TRUE(use(cache, keys[i]));
    }
  }
  const Bytes32 newcomer = make_key();
  EXPECT_FALSE(cache.add(newcomer.data())) << "all have been used since they came";
  EXPECT_TRUE(cache.add(newcomer.data()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(find(cache, keys[i]) != nullptr, i != idle) << i;
  }
  const ProofTable* table = find(cache, newcomer);
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(is_of(*table, newcomer));
}

TEST_F(ProofCacheTest, AClientThatCallsAsOftenAsNewcomersComeKeepsItsPlace) {
  ProofCache cache(kSetMemory, kForm);
  const Bytes32 regular = make_key();
  EXPECT_TRUE(cache.add(regular.data()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(use(cache, regular));
  std::size_t added = 0;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(use(cache, regular)) << i;
    const Bytes32 newcomer = make_key();
    added += cache.add(newcomer.data()) ? 1 : 0;
  }
  EXPECT_GT(added, 200U) << "those that do not come again make room";
  EXPECT_NE(find(cache, regular), nullptr);
  // A regular that calls no more is forgotten.
  for (int i = 0; i < 200; ++i) cache.add(make_key().data());
  EXPECT_EQ(find(cache, regular), nullptr);
}

TEST_F(ProofCacheTest, ToBeLookedUpIsNoUse) {
  ProofCache cache(kSetMemory, kForm);
  const Bytes32 idle = make_key();
  EXPECT_TRUE(cache.add(idle.data()));
  // Whoever knows the key can have it looked up, by proofs that are wrong.
  for (int i = 0; i < 200; ++i) {
    find(cache, idle);
    cache.add(make_key().data());
  }
  EXPECT_EQ(find(cache, idle), nullptr);
}

TEST_F(ProofCacheTest, SpreadsKeysOverItsSets) {
  ProofCache cache(64 * kSetMemory, kForm);
  const auto keys = make_keys(256);  // half of what fits
  std::size_t found = 0;
  for (const Bytes32& key : keys) cache.add(key.data());
  std::set<const ProofTable*> tables;
  for (const Bytes32& key : keys) {
    const ProofTable* table = find(cache, key);
    if (table == nullptr) continue;
    ++found;
    EXPECT_TRUE(tables.insert(table).second);
  }
  EXPECT_GT(found, 220U);
}

}  // namespace
}  // namespace pssst::protocol
