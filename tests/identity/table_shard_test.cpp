#include "identity/table_shard.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "identity/table_testing.hpp"

namespace pssst::identity {
namespace {

using Change = TableShard::Change;
using Bytes = std::vector<std::uint8_t>;

class TableShardTest : public testing::Test {
 protected:
  static std::uint64_t hash(const PublicKey& key) { return hash_key(key.data(), kSeed); }
  Change put(const Enrolment& client) { return shard_.put(client, hash(client.key), retired_); }
  Change remove(const PublicKey& key) { return shard_.remove(key, hash(key), retired_); }
  void reclaim() {
    for (const TableShard::Retired& retired : retired_) {
      if (retired.view == nullptr) shard_.reclaim(retired);
    }
    retired_.clear();
  }
  [[nodiscard]] std::optional<Enrolment> find(const PublicKey& key) const {
    const ShardView& view = *published_.load();
    for (std::size_t probe = 0;; ++probe) {
      const std::uint32_t slot = view.probe(hash(key), probe);
      if (slot == 0) return std::nullopt;
      if (view.holds(slot, key.data())) return view.enrolment(slot);
    }
  }

  static constexpr HashSeed kSeed{1, 2};
  std::atomic<const ShardView*> published_{nullptr};
  std::vector<TableShard::Retired> retired_;
  TableShard shard_{published_, kSeed};
};

TEST_F(TableShardTest, KeepsAllOfARecord) {
  const Bytes metadata(kClientMetadataSizeMax, 0xa5);
  std::uint64_t i = 0;
  for (const std::size_t size : {0U, 1U, 6U, 7U, 8U, 31U, 63U, 64U}) {
    for (const bool window : {false, true}) {
      Enrolment client{.key = key_of(++i), .metadata = std::span(metadata).first(size)};
      if (window) client.not_before = 1000, client.not_after = 2000;
      ASSERT_EQ(put(client), Change::kMade);
      EXPECT_EQ(put(client), Change::kNone);
      const auto found = find(client.key);
      ASSERT_TRUE(found);
      EXPECT_TRUE(std::ranges::equal(found->metadata, client.metadata));
      EXPECT_EQ(found->not_before, client.not_before);
      EXPECT_EQ(found->not_after, client.not_after);
      EXPECT_FALSE(found->revoked);
    }
  }
  EXPECT_EQ(shard_.keys(), i);
}

TEST_F(TableShardTest, TimesBeyondWhatARecordHoldsAreNoBounds) {
  const struct {
    std::int64_t before, after;
    std::int64_t kept_before, kept_after;
  } rows[] = {
      {Enrolment::kAlways, Enrolment::kForever, Enrolment::kAlways, Enrolment::kForever},
      {-5, INT64_C(1) << 40, Enrolment::kAlways, Enrolment::kForever},
      {0, UINT32_MAX, Enrolment::kAlways, Enrolment::kForever},
      {1, UINT32_MAX - 1, 1, UINT32_MAX - 1},
      {INT64_C(1) << 40, Enrolment::kForever, UINT32_MAX, Enrolment::kForever},
      {Enrolment::kAlways, -1, Enrolment::kAlways, 0},
  };
  std::uint64_t i = 0;
  for (const auto& row : rows) {
    const PublicKey key = key_of(++i);
    put({.key = key, .not_before = row.before, .not_after = row.after});
    const auto found = find(key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->not_before, row.kept_before) << i;
    EXPECT_EQ(found->not_after, row.kept_after) << i;
  }
}

TEST_F(TableShardTest, ReplacesAndRemoves) {
  const PublicKey key = key_of(1);
  EXPECT_EQ(remove(key), Change::kNone);
  put({.key = key});
  put({.key = key, .revoked = true});
  EXPECT_TRUE(find(key)->revoked);
  EXPECT_EQ(shard_.keys(), 1U);
  EXPECT_EQ(shard_.revoked(), 1U);
  put({.key = key});
  EXPECT_FALSE(find(key)->revoked);
  EXPECT_EQ(shard_.revoked(), 0U);
  EXPECT_EQ(remove(key), Change::kMade);
  EXPECT_FALSE(find(key));
  EXPECT_EQ(shard_.keys(), 0U);
}

TEST_F(TableShardTest, APlaceIsUsedAgainOnlyAfterReclaim) {
  put({.key = key_of(1), .metadata = Bytes(20, 1)});
  const std::span<const std::uint8_t> seen = find(key_of(1))->metadata;
  remove(key_of(1));
  put({.key = key_of(2), .metadata = Bytes(20, 2)});
  EXPECT_EQ(seen[0], 1);  // as a reader may still see it
  reclaim();
  put({.key = key_of(3), .metadata = Bytes(20, 3)});
  EXPECT_EQ(seen[0], 3);
  EXPECT_EQ(find(key_of(2))->metadata[19], 2);
}

TEST_F(TableShardTest, GrowsAndLeavesTheOldViewToItsReaders) {
  const ShardView* const before = published_.load();
  put({.key = key_of(0)});
  std::uint64_t n = 1;
  while (published_.load() == before) put({.key = key_of(n++)});
  std::size_t in_old_view = 0;
  for (std::size_t i = 0; i < before->slot_count(); ++i) in_old_view += before->slot(i) != 0;
  EXPECT_EQ(in_old_view, n - 1);
  for (std::uint64_t i = 0; i < n; ++i) EXPECT_TRUE(find(key_of(i))) << i;
  EXPECT_FALSE(find(key_of(n)));
}

TEST_F(TableShardTest, IsWhatAMapIsThroughAnyChanges) {
  std::mt19937_64 random(7);
  struct Content {
    bool revoked;
    Bytes metadata;
  };
  std::map<PublicKey, Content> expected;
  for (int i = 0; i < 60'000; ++i) {
    const PublicKey key = key_of(random() % 3000);
    if (random() % 3 == 0) {
      EXPECT_EQ(remove(key) == Change::kMade, expected.erase(key) == 1);
    } else {
      const Content content{random() % 5 == 0, Bytes(random() % 65, static_cast<std::uint8_t>(i))};
      put({.key = key, .revoked = content.revoked, .metadata = content.metadata});
      expected[key] = content;
    }
    if (random() % 100 == 0) reclaim();
  }
  ASSERT_EQ(shard_.keys(), expected.size());
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const auto found = find(key_of(i));
    const auto entry = expected.find(key_of(i));
    ASSERT_EQ(found.has_value(), entry != expected.end());
    if (!found) continue;
    ASSERT_EQ(found->revoked, entry->second.revoked);
    if (found->revoked) continue;
    ASSERT_TRUE(std::ranges::equal(found->metadata, entry->second.metadata));
  }
  // Places are used again: all of these changes would have taken 5 MB.
  EXPECT_LT(shard_.memory(), std::size_t{1} << 20);
}

TEST_F(TableShardTest, AFullShardSaysSoAndKeepsWhatItHas) {
  const Bytes metadata(kClientMetadataSizeMax, 1);
  std::uint64_t n = 0;
  while (put({.key = key_of(n), .not_before = 1, .metadata = metadata}) == Change::kMade) {
    if (++n % 1024 == 0) reclaim();
  }
  EXPECT_EQ(n, (ShardView::kPlaces - 1) / ShardView::kUnitsMax);
  EXPECT_EQ(put({.key = key_of(n), .not_before = 1, .metadata = metadata}), Change::kNoRoom);
  EXPECT_FALSE(find(key_of(n)));
  EXPECT_TRUE(find(key_of(0)));
  EXPECT_TRUE(find(key_of(n - 1)));
  EXPECT_EQ(shard_.keys(), n);
}

}  // namespace
}  // namespace pssst::identity
