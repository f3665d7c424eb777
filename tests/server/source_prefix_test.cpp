#include "server/source_prefix.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace pssst::server {
namespace {

using Source = std::array<std::uint8_t, 16>;

constexpr Source ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

/// Bytes of the prefix that two sources share, by flipping one byte after the other.
void expect_prefix(const SourceHash& hash, const Source& source, std::size_t first,
                   std::size_t narrow_end, std::size_t wide_end) {
  const SourcePrefixes own = hash.prefixes_of(source);
  for (std::size_t i = first; i < source.size(); ++i) {
    Source other = source;
    other.at(i) ^= 0x10;
    const SourcePrefixes prefixes = hash.prefixes_of(other);
    EXPECT_EQ(prefixes.narrow.key == own.narrow.key, i >= narrow_end) << "byte " << i;
    EXPECT_EQ(prefixes.wide.key == own.wide.key, i >= wide_end) << "byte " << i;
    EXPECT_EQ(prefixes.narrow.hash == own.narrow.hash, i >= narrow_end);
    EXPECT_EQ(prefixes.wide.hash == own.wide.hash, i >= wide_end);
  }
}

TEST(SourceHash, Ipv4ByFourAndThreeBytes) {
  const SourceHash hash;
  EXPECT_TRUE(hash.prefixes_of(ipv4(192, 0, 2, 1)).ipv4);
  expect_prefix(hash, ipv4(192, 0, 2, 1), 12, 16, 15);
}

TEST(SourceHash, Ipv6ByEightAndSixBytes) {
  const SourceHash hash;
  const Source source{0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_FALSE(hash.prefixes_of(source).ipv4);
  expect_prefix(hash, source, 0, 8, 6);
}

TEST(SourceHash, LengthsAndFamiliesStayApart) {
  const SourceHash hash;
  std::set<std::uint64_t> keys;
  // The loopback, two that look like mapped addresses, and one whose bytes are another's prefix.
  const Source sources[] = {Source{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                            Source{0, 0, 0, 0, 192, 0, 2, 1},
                            Source{0, 0, 0, 0, 0, 192, 0, 2},
                            Source{0, 0, 192, 0, 2, 1},
                            ipv4(192, 0, 2, 1),
                            ipv4(0, 192, 0, 2),
                            ipv4(0, 0, 192, 0)};
  for (const Source& source : sources) {
    const SourcePrefixes prefixes = hash.prefixes_of(source);
    EXPECT_NE(prefixes.narrow.key, 0U);
    EXPECT_NE(prefixes.wide.key, 0U);
    keys.insert(prefixes.narrow.key);
    keys.insert(prefixes.wide.key);
  }
  EXPECT_EQ(keys.size(), 2 * std::size(sources));
}

TEST(SourceHash, EachHasASeedOfItsOwn) {
  const SourceHash one;
  const SourceHash other;
  EXPECT_EQ(one.prefixes_of(ipv4(192, 0, 2, 1)).wide.key,
            other.prefixes_of(ipv4(192, 0, 2, 1)).wide.key);
  EXPECT_NE(one.hash(1), other.hash(1));
}

TEST(SourceHash, KeysOfDhDifferInEveryBit) {
  const SourceHash hash;
  std::array<std::uint8_t, kDhSize> dh{};
  std::set<std::uint64_t> keys{hash.key_of(dh).key};
  for (std::size_t i = 0; i < 8 * kDhSize; ++i) {
    const auto bit = static_cast<std::uint8_t>(1U << i % 8);
    dh.at(i / 8) ^= bit;
    EXPECT_EQ(hash.key_of(dh).key, hash.key_of(dh).key);
    keys.insert(hash.key_of(dh).key);
    dh.at(i / 8) ^= bit;
  }
  EXPECT_EQ(keys.size(), 8 * kDhSize + 1);
  EXPECT_FALSE(keys.contains(0));
}

}  // namespace
}  // namespace pssst::server
