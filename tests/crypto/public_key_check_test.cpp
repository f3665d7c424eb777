#include "crypto/public_key_check.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/hex.hpp"
#include "crypto/field25519.hpp"
#include "crypto/reference.hpp"

namespace pssst::crypto {
namespace {

using test::SeededBytes;

Bytes32 to_bytes(const Field25519& element) {
  Bytes32 bytes{};
  field_to_bytes(element, bytes.data());
  return bytes;
}

/// (a + b) / (a - b) of reduced elements.
Bytes32 ratio(const Field25519& a, const Field25519& b) {
  return to_bytes(field_multiply(field_add(a, b), field_invert(field_subtract(a, b))));
}

// The birational maps of RFC 7748, section 4.1: u = (1 + y) / (1 - y), y = (u - 1) / (u + 1).
Bytes32 montgomery_of(const Bytes32& edwards) {
  return ratio(field_small(1), field_from_bytes(edwards.data()));
}
Bytes32 edwards_of(const Bytes32& u) {
  const Field25519 element = field_from_bytes(u.data());
  return to_bytes(field_multiply(field_subtract(element, field_small(1)),
                                 field_invert(field_add(element, field_small(1)))));
}

Bytes32 edwards_sum(const Bytes32& a, const Bytes32& b) {
  Bytes32 sum{};
  EXPECT_EQ(crypto_core_ed25519_add(sum.data(), a.data(), b.data()), 0);
  return sum;
}

/// A random point of the prime-order subgroup, as libsodium makes it.
Bytes32 random_prime_order_point(SeededBytes& random) {
  Bytes32 point{};
  EXPECT_EQ(crypto_core_ed25519_from_uniform(point.data(), random.bytes32().data()), 0);
  return point;
}

class PublicKeyCheck : public testing::Test {
 protected:
  void SetUp() override { ASSERT_GE(sodium_init(), 0); }
};

TEST_F(PublicKeyCheck, TakesWhatHonestKeysGive) {
  SeededBytes random(20);
  for (int i = 0; i < 64; ++i) {
    const Bytes32 key = test::reference_x25519(random.bytes32(), test::small_value(9));
    EXPECT_EQ(check_public_key(key), PublicKeyFault::kNone) << base::to_hex(key);
  }
}

TEST_F(PublicKeyCheck, RefusesNonCanonicalValues) {
  SeededBytes random(21);
  const Bytes32 key = test::reference_x25519(random.bytes32(), test::small_value(9));
  EXPECT_EQ(check_public_key(test::with_top_bit(key)), PublicKeyFault::kNotCanonical);
  for (int offset = 0; offset <= 18; ++offset) {
    EXPECT_EQ(check_public_key(test::near_p(offset)), PublicKeyFault::kNotCanonical) << offset;
  }
  EXPECT_EQ(check_public_key(test::with_top_bit(test::small_value(9))),
            PublicKeyFault::kNotCanonical);
}

TEST_F(PublicKeyCheck, RefusesSmallOrder) {
  for (const Bytes32& point : test::small_order_points()) {
    EXPECT_EQ(check_public_key(point),
              is_canonical(point) ? PublicKeyFault::kSmallOrder : PublicKeyFault::kNotCanonical);
  }
}

TEST_F(PublicKeyCheck, RefusesTheBasePoint) {
  EXPECT_EQ(check_public_key(test::small_value(9)), PublicKeyFault::kBasePoint);
}

TEST_F(PublicKeyCheck, RefusesTheTwist) {
  // 2 is the smallest value of the twist; multiples of a twist point stay there.
  EXPECT_EQ(check_public_key(test::small_value(2)), PublicKeyFault::kOnTwist);
  SeededBytes random(22);
  for (int i = 0; i < 32; ++i) {
    const Bytes32 point = test::reference_x25519(random.bytes32(), test::small_value(2));
    EXPECT_EQ(check_public_key(point), PublicKeyFault::kOnTwist) << base::to_hex(point);
  }
}

TEST_F(PublicKeyCheck, RefusesEveryAliasWithATorsionComponent) {
  const Bytes32 order_8 = edwards_of(test::kOrder8[0]);
  SeededBytes random(23);
  for (int i = 0; i < 16; ++i) {
    const Bytes32 scalar = random.bytes32();
    const Bytes32 point = random_prime_order_point(random);
    const Bytes32 key = montgomery_of(point);
    ASSERT_EQ(check_public_key(key), PublicKeyFault::kNone);
    Bytes32 alias = point;
    for (int multiple = 1; multiple < 8; ++multiple) {
      alias = edwards_sum(alias, order_8);
      const Bytes32 alias_key = montgomery_of(alias);
      ASSERT_NE(alias_key, key);
      EXPECT_EQ(check_public_key(alias_key), PublicKeyFault::kNotPrimeOrder)
          << base::to_hex(key) << " and " << multiple << " times the point of order 8";
      // What makes it an alias: every private key gives both the same secret.
      EXPECT_EQ(test::reference_x25519(scalar, alias_key), test::reference_x25519(scalar, key));
    }
    EXPECT_EQ(edwards_sum(alias, order_8), point);
  }
}

TEST_F(PublicKeyCheck, AgreesWithLibsodiumOnRandomValues) {
  SeededBytes random(24);
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) {
    Bytes32 u = random.bytes32();
    u.back() &= 0x7f;
    const PublicKeyFault fault = check_public_key(u);
    ++seen.at(static_cast<std::size_t>(fault));
    EXPECT_EQ(fault == PublicKeyFault::kNone,
              crypto_core_ed25519_is_valid_point(edwards_of(u).data()) == 1)
        << base::to_hex(u);
  }
  // Of random values a half is on the twist, and an eighth of the rest has prime order.
  EXPECT_NEAR(seen[static_cast<std::size_t>(PublicKeyFault::kOnTwist)], 3000, 300);
  EXPECT_NEAR(seen[static_cast<std::size_t>(PublicKeyFault::kNotPrimeOrder)], 2625, 300);
  EXPECT_NEAR(seen[static_cast<std::size_t>(PublicKeyFault::kNone)], 375, 120);
}

}  // namespace
}  // namespace pssst::crypto
