#include "server/recent_keys.hpp"

#include <gtest/gtest.h>

namespace pssst::server {
namespace {

constexpr std::uint64_t kLifetime = 1000;

/// With memory of its own.
struct Keys {
  explicit Keys(std::size_t keys_max)
      : memory(RecentKeys::bytes_for(keys_max)), keys(memory, keys_max, kLifetime) {}
  TableMemory memory;
  RecentKeys keys;
};

HashedKey key(std::uint64_t number, std::uint64_t hash) {
  return {.key = number, .hash = hash};
}

TEST(RecentKeys, KnowsNothingAtFirst) {
  Keys own(16);
  const RecentKeys& keys = own.keys;
  EXPECT_FALSE(keys.knows(key(1, 0), 0));
  EXPECT_FALSE(keys.knows(key(1, 0), 5));
}

TEST(RecentKeys, TellsKeysOfOneHashApart) {
  Keys own(16);
  RecentKeys& keys = own.keys;
  keys.remember(key(1, 7), 5);
  EXPECT_TRUE(keys.knows(key(1, 7), 6));
  EXPECT_FALSE(keys.knows(key(2, 7), 6));
}

TEST(RecentKeys, ForgetsAfterTheLifetimeUnlessRenewed) {
  Keys own(16);
  RecentKeys& keys = own.keys;
  keys.remember(key(1, 7), 5000);
  EXPECT_TRUE(keys.knows(key(1, 7), 5000 + kLifetime - 1));
  EXPECT_FALSE(keys.knows(key(1, 7), 5000 + kLifetime));
  keys.remember(key(1, 7), 6500);
  EXPECT_TRUE(keys.knows(key(1, 7), 7000));
  // The clock of a moment ago.
  EXPECT_TRUE(keys.knows(key(1, 7), 6499));
}

TEST(RecentKeys, TheOneSeenLongestAgoMakesRoom) {
  Keys own(4);
  RecentKeys& keys = own.keys;
  ASSERT_EQ(keys.capacity(), 4U);
  for (std::uint64_t i = 1; i <= 4; ++i) keys.remember(key(i, i), 10 + i);
  keys.remember(key(1, 1), 20);
  keys.remember(key(5, 5), 21);
  EXPECT_FALSE(keys.knows(key(2, 2), 22));
  for (const std::uint64_t i : {1U, 3U, 4U, 5U}) EXPECT_TRUE(keys.knows(key(i, i), 22)) << i;
}

TEST(RecentKeys, HasRoomForWhatItWasMadeFor) {
  EXPECT_EQ(Keys(1).keys.capacity(), 4U);
  EXPECT_EQ(Keys(65536).keys.capacity(), 65536U);
  EXPECT_EQ(Keys(65537).keys.capacity(), 131072U);
}

TEST(RecentKeys, WithoutRoomItKnowsNothing) {
  Keys own(0);
  RecentKeys& keys = own.keys;
  keys.remember(key(1, 7), 5);
  keys.prefetch(key(1, 7));
  EXPECT_FALSE(keys.knows(key(1, 7), 5));
  EXPECT_EQ(keys.capacity(), 0U);
}

/// How many of so many neighbouring IPv4 prefixes a table of 4096 knows in the end.
std::size_t known_of_flood(std::uint64_t flood) {
  const SourceHash hash;
  Keys own(4096);
  RecentKeys& keys = own.keys;
  const auto neighbour = [&](std::uint64_t i) {
    return hash
        .prefixes_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10,
                      static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1})
        .wide;
  };
  for (std::uint64_t i = 0; i < flood; ++i) keys.remember(neighbour(i), 5 + i / 100);
  std::size_t known = 0;
  for (std::uint64_t i = 0; i < flood; ++i) known += keys.knows(neighbour(i), 400) ? 1 : 0;
  return known;
}

TEST(RecentKeys, AFloodOnlyMakesItForget) {
  // 16 keys a set in the mean. That a set gets fewer than its 4 has probability 0.0001 (Poisson):
  // of 1024 sets hardly one has a free place, with a hash as good as random. The seeds are random:
  // so many tables find a hash that is bad with one seed in ten.
  for (int table = 0; table < 64; ++table) {
    const std::size_t known = known_of_flood(4 * 4096);
    EXPECT_LE(known, 4096U);
    EXPECT_GE(known, 4096U - 32);
  }
}

}  // namespace
}  // namespace pssst::server
