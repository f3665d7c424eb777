#include "identity/key_hash.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <numeric>

namespace pssst::identity {
namespace {

std::array<std::uint8_t, 32> counting() {
  std::array<std::uint8_t, 32> key{};
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  return key;
}

// The authors' vector for 32 bytes 00 01 02 ... under the key 00 01 ... 0f, which
// `openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:8 SIPHASH` gives too.
constexpr HashSeed kVectorSeed{0x0706050403020100, 0x0f0e0d0c0b0a0908};
constexpr std::uint64_t kVector = 0x7127512f72f27cce;

TEST(KeyHash, IsSipHash24) {
  EXPECT_EQ(hash_key(counting().data(), kVectorSeed), kVector);
}

TEST(KeyHash, EveryBitOfKeyAndSeedCounts) {
  const auto changed_by = [](const std::array<std::uint8_t, 32>& key, const HashSeed& seed) {
    return std::popcount(hash_key(key.data(), seed) ^ kVector);
  };
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto key = counting();
    key[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_GE(changed_by(key, kVectorSeed), 12) << bit;
  }
  for (std::size_t bit = 0; bit < 128; ++bit) {
    HashSeed seed = kVectorSeed;
    seed[bit / 64] ^= std::uint64_t{1} << bit % 64;
    EXPECT_GE(changed_by(counting(), seed), 12) << bit;
  }
}

}  // namespace
}  // namespace pssst::identity
