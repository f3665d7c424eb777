#include "protocol/static_secrets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <new>

#include "protocol/protocol_testing.hpp"
#include "support/secret_pages.hpp"

namespace pssst::testing {
namespace {

using protocol::StaticSecrets;

class StaticSecretsTest : public ::testing::Test {
 protected:
  const Bytes32* find(const PublicKey& server, const PublicKey& client) const {
    const StaticSecrets::Pair pair{.server = &server, .client = client.data()};
    const Bytes32* found = nullptr;
    table_.find({&pair, 1}, {&found, 1});
    return found;
  }
  void add(const PublicKey& server, const PublicKey& client, const Bytes32& secret) {
    table_.add({.server = &server, .client = client.data()}, secret);
  }

  Random random_{43};
  const PublicKey server_ = random_.bytes32();
  StaticSecrets table_{100};
};

TEST_F(StaticSecretsTest, FindsWhatWasAddedForThatPairAlone) {
  const PublicKey other = random_.bytes32();
  std::vector<PublicKey> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(random_.bytes32());
    add(server_, clients.back(), Bytes32{static_cast<std::uint8_t>(i)});
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(find(other, clients[i]), nullptr);
    const Bytes32* const found = find(server_, clients[i]);
    if (found == nullptr) continue;
    EXPECT_EQ(*found, Bytes32{static_cast<std::uint8_t>(i)});
    ++kept;
  }
  // A set may be full by chance.
  EXPECT_GE(kept, 40u);
  EXPECT_EQ(find(server_, random_.bytes32()), nullptr);
  PublicKey alias = clients.back();
  alias.back() ^= 0x80;
  EXPECT_EQ(find(server_, alias), nullptr);
}

TEST_F(StaticSecretsTest, APairHasOneEntry) {
  const PublicKey client = random_.bytes32();
  add(server_, client, Bytes32{1});
  add(server_, client, Bytes32{2});
  ASSERT_NE(find(server_, client), nullptr);
  EXPECT_EQ(*find(server_, client), Bytes32{2});
}

TEST_F(StaticSecretsTest, BoundedAndTheNewestStays) {
  EXPECT_GE(table_.capacity(), 100u);
  EXPECT_LE(table_.capacity(), 256u);
  std::vector<PublicKey> clients;
  for (int i = 0; i < 2000; ++i) {
    clients.push_back(random_.bytes32());
    add(server_, clients.back(), clients.back());
    ASSERT_NE(find(server_, clients.back()), nullptr);
  }
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(
      clients, [&](const PublicKey& client) { return find(server_, client) != nullptr; }));
  EXPECT_LE(kept, table_.capacity());
  EXPECT_GE(kept, table_.capacity() * 9 / 10);
}

// Whoever misses costs a multiplication at each call, and time tells that he is enrolled.
TEST_F(StaticSecretsTest, NobodyIsLostWhileItIsHalfFull) {
  StaticSecrets table(4096);
  std::vector<PublicKey> clients;
  for (std::size_t i = 0; i < table.capacity() / 2; ++i) {
    clients.push_back(random_.bytes32());
    table.add({.server = &server_, .client = clients.back().data()}, clients.back());
  }
  for (const PublicKey& client : clients) {
    const StaticSecrets::Pair pair{.server = &server_, .client = client.data()};
    const Bytes32* found = nullptr;
    table.find({&pair, 1}, {&found, 1});
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, client);
  }
}

TEST_F(StaticSecretsTest, MoreThanThereIsMemoryForIsRefused) {
  for (const std::size_t capacity : {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2, SIZE_MAX / 96}) {
    EXPECT_THROW(StaticSecrets{capacity}, std::bad_alloc) << capacity;
  }
}

TEST_F(StaticSecretsTest, ClearedAndFreedPagesHoldNoSecret) {
  const Bytes32 secret = random_.bytes32();
  const auto in_secret_pages = [&] {
    return std::ranges::any_of(test::secret_pages(), [&](const auto pages) {
      return memmem(pages.data(), pages.size(), secret.data(), secret.size()) != nullptr;
    });
  };
  add(server_, random_.bytes32(), secret);
  EXPECT_TRUE(in_secret_pages());
  table_.clear();
  EXPECT_FALSE(in_secret_pages());
}

TEST_F(StaticSecretsTest, NoRoomAtAll) {
  StaticSecrets none(0);
  EXPECT_EQ(none.capacity(), 0u);
  const PublicKey client = random_.bytes32();
  const StaticSecrets::Pair pair{.server = &server_, .client = client.data()};
  none.add(pair, Bytes32{1});
  const Bytes32* found = &client;
  none.find({&pair, 1}, {&found, 1});
  EXPECT_EQ(found, nullptr);
  none.clear();
}

}  // namespace
}  // namespace pssst::testing
