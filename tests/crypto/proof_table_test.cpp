#include "crypto/proof_table.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/hex.hpp"
#include "crypto/edwards25519.hpp"
#include "crypto/proof_testing.hpp"
#include "crypto/public_key_check.hpp"

namespace pssst::crypto {
namespace {

using test::SeededBytes;

Bytes32 canonical(const Field25519& a) {
  Bytes32 bytes{};
  field_to_bytes(field_multiply(a, field_small(1)), bytes.data());
  return bytes;
}

/// Coordinate `c` of entry `i`, decoded from the layout that the header describes.
Field25519 decode(const ProofTable& table, ProofForm form, int c, std::size_t i) {
  if (form == ProofForm::kCanonical) {
    Bytes32 bytes{};
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      bytes[k] = static_cast<std::uint8_t>(table.word[c][k / 4][i] >> 8 * (k % 4));
    }
    EXPECT_TRUE(is_canonical(bytes));
    return field_from_bytes(bytes.data());
  }
  const auto word = [&](int k) { return std::uint64_t{table.word[c][k][i]}; };
  constexpr std::uint64_t kLow19 = (1u << 19) - 1;
  const std::uint64_t high_3 = word(5) >> 19 | (word(6) >> 19 & 63) << 13;
  const std::uint64_t high_4 = word(6) >> 25 | word(7) >> 19 << 7;
  const Field25519 biased{{word(0) | (word(5) & kLow19) << 32, word(1) | (word(6) & kLow19) << 32,
                           word(2) | (word(7) & kLow19) << 32, word(3) | high_3 << 32,
                           word(4) | high_4 << 32}};
  for (const std::uint64_t limb : biased.limb) EXPECT_LT(limb, std::uint64_t{1} << 51);
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 50;
  return field_subtract(biased, Field25519{{kHalf, kHalf, kHalf, kHalf, kHalf}});
}

/// libsodium's encoding of the point (x, y): y, and the lowest bit of x on top.
Bytes32 encode(const Field25519& x, const Field25519& y) {
  Bytes32 bytes = canonical(y);
  bytes.back() |= static_cast<std::uint8_t>((canonical(x).front() & 1) << 7);
  return bytes;
}

Bytes32 encode(const EdwardsPoint& p) {
  const Field25519 inverse = field_invert(p.z);
  return encode(field_multiply(p.x, inverse), field_multiply(p.y, inverse));
}

/// A multiple of a point of prime order, by libsodium; the scalar is below 2^255.
Bytes32 sodium_multiple(const Bytes32& scalar, const Bytes32& point) {
  Bytes32 result{};
  EXPECT_EQ(crypto_scalarmult_ed25519_noclamp(result.data(), scalar.data(), point.data()), 0);
  return result;
}

class ProofTableTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_GE(sodium_init(), 0); }
};

TEST_F(ProofTableTest, EveryEntryIsTheCombinationThatItShouldBe) {
  SeededBytes random(63);
  for (const ProofForm form : {ProofForm::kCentredLimbs, ProofForm::kCanonical}) {
    const Bytes32 key = test::honest_key(random);
    ProofTable table;
    ASSERT_TRUE(make_proof_table(key.data(), form, table));
    EdwardsExtended point;
    ASSERT_NE(edwards_from_montgomery(field_from_bytes(key.data()), point), 0U);
    const Bytes32 client = encode(point.point);
    for (std::size_t i = 0; i < kProofEntries; ++i) {
      // 8 C times the teeth's weights.
      Bytes32 sum = sodium_multiple(
          [] {
            Bytes32 weight{};
            constexpr int kBit = 3 + (kProofTeeth - 1) * kProofColumns;
            weight.at(kBit / 8) = 1u << kBit % 8;
            return weight;
          }(),
          client);
      for (int j = 0; j + 1 < kProofTeeth; ++j) {
        Bytes32 weight{};
        const int bit = 3 + j * kProofColumns;
        weight.at(static_cast<std::size_t>(bit / 8)) = static_cast<std::uint8_t>(1u << bit % 8);
        const Bytes32 tooth = sodium_multiple(weight, client);
        Bytes32 next{};
        ASSERT_EQ((i >> j & 1) != 0
                      ? crypto_core_ed25519_add(next.data(), sum.data(), tooth.data())
                      : crypto_core_ed25519_sub(next.data(), sum.data(), tooth.data()),
                  0);
        sum = next;
      }
      const Field25519 plus = field_multiply(decode(table, form, 0, i), field_small(1));
      const Field25519 minus = field_multiply(decode(table, form, 1, i), field_small(1));
      const Field25519 half = field_invert(field_small(2));
      const Field25519 x = field_multiply(field_subtract(plus, minus), half);
      const Field25519 y = field_multiply(field_add(plus, minus), half);
      EXPECT_EQ(base::to_hex(encode(x, y)), base::to_hex(sum)) << "entry " << i;
      EXPECT_EQ(canonical(decode(table, form, 2, i)),
                canonical(field_multiply(field_multiply(x, y), kEdwards2D)));
    }
  }
}

TEST_F(ProofTableTest, ThereIsNoneWhereThereIsNoPoint) {
  SeededBytes random(64);
  int refused = 0;
  std::vector<Bytes32> keys = test::adversarial_points();
  for (int i = 0; i < 300; ++i) keys.push_back(random.bytes32());
  for (const Bytes32& key : keys) {
    // The same value as check_public_key() wants it.
    const Bytes32 u = canonical(field_from_bytes(key.data()));
    const bool on_twist = check_public_key(u) == PublicKeyFault::kOnTwist || u == test::near_p(-1);
    ProofTable table;
    EXPECT_EQ(make_proof_table(key.data(), ProofForm::kCanonical, table), !on_twist)
        << base::to_hex(key);
    refused += on_twist ? 1 : 0;
  }
  EXPECT_GT(refused, 100);
}

TEST_F(ProofTableTest, TheSumsOfAnyTwoPointsAreThoseOfLibsodium) {
  SeededBytes random(65);
  std::vector<Bytes32> coordinates = test::small_order_points();
  for (int i = 0; i < 30; ++i) coordinates.push_back(random.bytes32());
  std::vector<EdwardsExtended> points;
  for (const Bytes32& u : coordinates) {
    EdwardsExtended p;
    if (edwards_from_montgomery(field_from_bytes(u.data()), p) == 0) continue;
    points.push_back(p);
    points.push_back(edwards_negate(p));
  }
  ASSERT_GT(points.size(), 30U);
  points.push_back({kEdwardsNeutral, field_small(0)});
  for (const EdwardsExtended& p : points) {
    EXPECT_EQ(encode(edwards_double(p.point).point), encode(edwards_add(p, p).point));
    for (const EdwardsExtended& q : points) {
      const Bytes32 a = encode(p.point);
      const Bytes32 b = encode(q.point);
      Bytes32 sum{};
      ASSERT_EQ(crypto_core_ed25519_add(sum.data(), a.data(), b.data()), 0);
      EXPECT_EQ(encode(edwards_add(p, q).point), sum);
      const Field25519 inverse = field_invert(q.point.z);
      const Field25519 x = field_multiply(q.point.x, inverse);
      const Field25519 y = field_multiply(q.point.y, inverse);
      const EdwardsAddend addend{field_add(y, x), field_subtract(y, x),
                                 field_multiply(field_multiply(x, y), kEdwards2D)};
      EXPECT_EQ(encode(edwards_add(p, addend)), sum);
    }
  }
}

}  // namespace
}  // namespace pssst::crypto
