#include "server/known_sources.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace pssst::server {
namespace {

using Source = std::array<std::uint8_t, 16>;

constexpr Source ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

constexpr std::uint64_t kLifetime = 1000;

TEST(KnownSources, KnowsNobodyAtFirst) {
  const KnownSources sources(kLifetime);
  EXPECT_FALSE(sources.knows(ipv4(192, 0, 2, 1), 5));
  EXPECT_FALSE(sources.knows(Source{}, 0));
  EXPECT_FALSE(sources.knows(ipv4(0, 0, 0, 0), 0));
}

TEST(KnownSources, Ipv4ByThreeBytes) {
  KnownSources sources(kLifetime);
  sources.remember(ipv4(192, 0, 2, 1), 5);
  EXPECT_TRUE(sources.knows(ipv4(192, 0, 2, 1), 6));
  EXPECT_TRUE(sources.knows(ipv4(192, 0, 2, 255), 6));
  EXPECT_FALSE(sources.knows(ipv4(192, 0, 3, 1), 6));
  EXPECT_FALSE(sources.knows(ipv4(192, 1, 2, 1), 6));
  EXPECT_FALSE(sources.knows(ipv4(193, 0, 2, 1), 6));
}

TEST(KnownSources, Ipv6BySixBytes) {
  KnownSources sources(kLifetime);
  const Source source{0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  sources.remember(source, 5);
  Source same_prefix = source;
  for (std::size_t i = 6; i < 16; ++i) same_prefix.at(i) ^= 0xff;
  EXPECT_TRUE(sources.knows(same_prefix, 6));
  for (std::size_t i = 0; i < 6; ++i) {
    Source other = source;
    other.at(i) ^= 1;
    EXPECT_FALSE(sources.knows(other, 6)) << "byte " << i;
  }
}

TEST(KnownSources, FamiliesStayApart) {
  KnownSources sources(kLifetime);
  sources.remember(Source{0, 0, 0, 192, 0, 2}, 5);
  EXPECT_FALSE(sources.knows(ipv4(192, 0, 2, 1), 6));
  // The IPv6 prefix that mapped addresses would have.
  sources.remember(Source{}, 5);
  EXPECT_FALSE(sources.knows(ipv4(0, 0, 0, 1), 6));
}

TEST(KnownSources, ForgetsAfterTheLifetimeUnlessRenewed) {
  KnownSources sources(kLifetime);
  const Source source = ipv4(192, 0, 2, 1);
  sources.remember(source, 5000);
  EXPECT_TRUE(sources.knows(source, 5000 + kLifetime - 1));
  EXPECT_FALSE(sources.knows(source, 5000 + kLifetime));
  sources.remember(source, 6500);
  EXPECT_TRUE(sources.knows(source, 7000));
  // The clock of a moment ago.
  EXPECT_TRUE(sources.knows(source, 6499));
}

constexpr Source neighbour(std::size_t i, std::uint8_t first, std::uint8_t last) {
  return ipv4(first, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), last);
}

/// How many of so many neighbouring prefixes a table knows in the end.
std::size_t known_of_flood(std::size_t flood) {
  KnownSources sources(kLifetime);
  for (std::size_t i = 0; i < flood; ++i) sources.remember(neighbour(i, 10, 1), 5);
  std::size_t known = 0;
  for (std::size_t i = 0; i < flood; ++i) {
    known += sources.knows(neighbour(i, 10, 9), 6) ? 1 : 0;
    EXPECT_FALSE(sources.knows(neighbour(i, 11, 1), 6));
  }
  return known;
}

TEST(KnownSources, AFloodOfPrefixesOnlyMakesItForget) {
  // Each entry that is taken knows one prefix. 4 prefixes an entry: exp(-4) of the entries, 75, are
  // free in the mean. With a hash as good as random more than 256 are free once in e^133 tables
  // (Chernoff: 256 ln(256 / 75) - 256 + 75). The seeds are random: so many tables find a hash that
  // is bad with one seed in ten.
  for (int table = 0; table < 64; ++table) {
    const std::size_t known = known_of_flood(4 * KnownSources::kEntries);
    EXPECT_LE(known, KnownSources::kEntries);
    EXPECT_GE(known, KnownSources::kEntries - 256);
  }
}

}  // namespace
}  // namespace pssst::server
