#include "pssst/keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/suite1_vectors.hpp"

namespace pssst {
namespace {

using testing::Bytes32;
using testing::suite1_vectors;
using testing::unhex32;

// Bob's of RFC 7748, section 6.1.
const Bytes32 kBobPrivate =
    unhex32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
const Bytes32 kBobPublic =
    unhex32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");

TEST(PrivateKeyTest, GivesThePublicKeyOfRfc7748) {
  EXPECT_EQ(PrivateKey(kBobPrivate).public_key(), kBobPublic);
}

TEST(PrivateKeyTest, GivesThePublicKeysOfTheVectors) {
  for (const testing::PositiveVector& row : suite1_vectors().positive) {
    EXPECT_EQ(PrivateKey(row.server_private).public_key(), row.server_public) << row.id;
    if (!row.client_private) continue;
    EXPECT_EQ(PrivateKey(*row.client_private).public_key(), row.client_public) << row.id;
  }
}

TEST(PrivateKeyTest, KeepsItsBytesAsGiven) {
  Bytes32 unclamped;
  unclamped.fill(0xff);
  const PrivateKey key(unclamped);
  EXPECT_TRUE(std::ranges::equal(key.bytes(), unclamped));
}

TEST(PrivateKeyTest, ClampsWhenUsed) {
  Bytes32 unclamped = kBobPrivate;
  unclamped.front() |= 7;
  unclamped.back() ^= 0xc0;
  EXPECT_EQ(PrivateKey(unclamped).public_key(), kBobPublic);
}

TEST(PrivateKeyTest, GeneratesAnotherKeyEachTime) {
  std::set<PublicKey> seen;
  for (int i = 0; i < 16; ++i) {
    const PublicKey key = PrivateKey::generate().public_key();
    EXPECT_EQ(check_public_key(key), PublicKeyFault::kNone);
    seen.insert(key);
  }
  EXPECT_EQ(seen.size(), 16u);
}

TEST(PrivateKeyTest, MovesItsBytes) {
  PrivateKey first(kBobPrivate);
  PrivateKey second(std::move(first));
  EXPECT_EQ(second.public_key(), kBobPublic);
  PrivateKey third = PrivateKey::generate();
  third = std::move(second);
  EXPECT_EQ(third.public_key(), kBobPublic);
}

TEST(PrivateKeyDeathTest, AMovedFromKeyHasNoBytes) {
  PrivateKey first(kBobPrivate);
  const PrivateKey second(std::move(first));
  EXPECT_DEATH(static_cast<void>(first.bytes()), "secret_");
}

TEST(CheckPublicKeyTest, NamesEachFault) {
  const auto check = [](std::string_view hex) { return check_public_key(unhex32(hex)); };
  EXPECT_EQ(check_public_key(kBobPublic), PublicKeyFault::kNone);
  EXPECT_EQ(check("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            PublicKeyFault::kNotCanonical);
  EXPECT_EQ(check("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882bcf"),
            PublicKeyFault::kNotCanonical);
  EXPECT_EQ(check("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            PublicKeyFault::kSmallOrder);
  EXPECT_EQ(check("0000000000000000000000000000000000000000000000000000000000000000"),
            PublicKeyFault::kSmallOrder);
  EXPECT_EQ(check("0200000000000000000000000000000000000000000000000000000000000000"),
            PublicKeyFault::kOnTwist);
  // An enrolled key of the vectors plus the point of order 2.
  EXPECT_EQ(check("bb638713948eb11bbb222e508ff603ed6311d9c620196b90cef6cd579658924d"),
            PublicKeyFault::kNotPrimeOrder);
  EXPECT_EQ(check("0900000000000000000000000000000000000000000000000000000000000000"),
            PublicKeyFault::kBasePoint);
}

TEST(CheckPublicKeyTest, SaysEachFaultDifferently) {
  std::set<std::string_view> texts;
  for (const PublicKeyFault fault :
       {PublicKeyFault::kNone, PublicKeyFault::kNotCanonical, PublicKeyFault::kSmallOrder,
        PublicKeyFault::kOnTwist, PublicKeyFault::kNotPrimeOrder, PublicKeyFault::kBasePoint}) {
    EXPECT_FALSE(to_string(fault).empty());
    texts.insert(to_string(fault));
  }
  EXPECT_EQ(texts.size(), 6u);
}

}  // namespace
}  // namespace pssst
