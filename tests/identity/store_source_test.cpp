#include "identity/store_source.hpp"

#include "identity/follower.hpp"
#include "identity/store_source_testing.hpp"

namespace pssst::identity {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

TEST_F(StoreSourceTest, LoadsAllFields) {
  write({{.key = key_of(1), .name = "n", .tags = "t"},
         {.key = key_of(2),
          .not_before = 10,
          .not_after = 20,
          .metadata = std::vector<std::uint8_t>{1, 0, 2}},
         {.key = key_of(3), .revoked = true}});
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  ASSERT_EQ(clients_.size(), 3U);
  const Client& first = clients_[key_of(1)];
  EXPECT_EQ(first.enrolment.not_before, Enrolment::kAlways);
  EXPECT_EQ(first.enrolment.not_after, Enrolment::kForever);
  EXPECT_TRUE(first.metadata.empty());
  const Client& second = clients_[key_of(2)];
  EXPECT_EQ(second.enrolment.not_before, 10);
  EXPECT_EQ(second.enrolment.not_after, 20);
  EXPECT_EQ(second.metadata, (std::vector<std::uint8_t>{1, 0, 2}));
  EXPECT_TRUE(clients_[key_of(3)].enrolment.revoked);
  EXPECT_EQ(position_.sequence, 3);
  EXPECT_EQ(position_.store.size(), 32U);
  EXPECT_NEAR(static_cast<double>(position_.time_ms), static_cast<double>(time(nullptr)) * 1000,
              60'000);
}

TEST_F(StoreSourceTest, LoadsNobody) {
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_TRUE(clients_.empty());
  EXPECT_EQ(position_.sequence, 0);
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  enrol(1, 2);
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_TRUE(enrolled(1));
}

TEST_F(StoreSourceTest, LoadsInStepsBetweenWhichOthersWrite) {
  constexpr auto kClients = static_cast<std::uint64_t>(2 * StoreSource::kLoadRows + 100);
  enrol(0, kClients);
  std::size_t n = 0;
  Store writer = open("store");
  const auto position =
      source_.load([this](const auto& extent) { extent_ = extent; },
                   [&](const Enrolment& client) {
                     take({.client = client});
                     if (++n == 10) {
                       EXPECT_TRUE(writer.begin());
                       EXPECT_TRUE(writer.apply({.key = key_of(5), .revoked = true}));
                       EXPECT_TRUE(writer.apply({.key = key_of(kClients - 1), .revoked = true}));
                       EXPECT_TRUE(writer.apply({.key = key_of(kClients)}));
                       EXPECT_TRUE(writer.commit());
                     }
                     return true;
                   });
  ASSERT_TRUE(position);
  position_ = *position;
  EXPECT_EQ(extent_.records, kClients);
  EXPECT_EQ(position_.sequence, static_cast<std::int64_t>(kClients));
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), kClients + 1);
  EXPECT_FALSE(enrolled(5));
  EXPECT_FALSE(enrolled(kClients - 1));
  EXPECT_TRUE(enrolled(kClients));
}

TEST_F(StoreSourceTest, StopsLoadingWhenTold) {
  enrol(0, 10);
  std::size_t n = 0;
  EXPECT_TRUE(source_.load([](const auto&) {}, [&](const Enrolment&) { return ++n < 3; }));
  EXPECT_EQ(n, 3U);
}

TEST_F(StoreSourceTest, GuessesTheMetadata) {
  std::vector<ClientUpdate> updates;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    updates.push_back({.key = key_of(i), .metadata = std::vector<std::uint8_t>(i % 2 * 20)});
  }
  write(updates);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(extent_.records, 2000U);
  EXPECT_NEAR(static_cast<double>(extent_.metadata_bytes), 21'000, 5000);
}

TEST_F(StoreSourceTest, FollowsChanges) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  write({{.key = key_of(1), .revoked = true},
         {.key = key_of(3), .metadata = std::vector<std::uint8_t>{9}}});
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(changes_, 2U);
  EXPECT_FALSE(enrolled(1));
  EXPECT_EQ(clients_[key_of(3)].metadata, std::vector<std::uint8_t>{9});
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(changes_, 0U);
  EXPECT_EQ(position_.sequence, 5);
  run_sql("DELETE FROM client WHERE id = 1");
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_FALSE(clients_.contains(key_of(0)));
}

TEST_F(StoreSourceTest, FollowsNoMoreThanItsLimit) {
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  enrol(0, 10);
  for (const std::size_t expected : {4U, 4U, 2U, 0U}) {
    ASSERT_EQ(follow(4), FollowerAlarm::kNone);
    EXPECT_EQ(changes_, expected);
  }
  EXPECT_EQ(clients_.size(), 10U);
}

TEST_F(StoreSourceTest, ChangesThatWereForgottenAreAReload) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  enrol(3, 6);
  run_sql("DELETE FROM change WHERE sequence < 3");
  EXPECT_EQ(follow(), FollowerAlarm::kNone);
  run_sql("DELETE FROM change WHERE sequence < 6");
  EXPECT_EQ(follow(), FollowerAlarm::kNone);
  enrol(6, 8);
  run_sql("DELETE FROM change WHERE sequence < 8");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), 8U);
}

TEST_F(StoreSourceTest, FromNothingOnNothingMayBeForgotten) {
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  enrol(0, 3);
  run_sql("DELETE FROM change WHERE sequence < 2");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
}

TEST_F(StoreSourceTest, AnotherStoreInItsPlaceIsAReload) {
  enrol(0, 3);
  make("other");
  enrol(100, 103, "other");
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  rename("other", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_FALSE(enrolled(1));
  EXPECT_TRUE(enrolled(101));
}

TEST_F(StoreSourceTest, AnotherStoreWrittenOverItIsAReload) {
  // Of the same size, and as often changed: SQLite cannot tell by the header.
  enrol(0, 3);
  make("other");
  enrol(100, 103, "other");
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  const auto inode = identify_file(path_)->inode;
  copy("other", "store");
  ASSERT_EQ(identify_file(path_)->inode, inode);
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_TRUE(enrolled(101));
}

TEST_F(StoreSourceTest, ACopyInWhichMoreHappenedIsFollowed) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  copy("store", "copy");
  enrol(3, 5, "copy");
  rename("copy", "store");
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(changes_, 2U);
  EXPECT_TRUE(enrolled(4));
}

TEST_F(StoreSourceTest, AnOlderCopyIsAReload) {
  enrol(0, 3);
  copy("store", "copy");
  enrol(3, 5);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  rename("copy", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_FALSE(enrolled(4));
}

TEST_F(StoreSourceTest, AnotherHistoryIsAReload) {
  enrol(0, 3);
  copy("store", "copy");
  enrol(3, 5);
  enrol(13, 17, "copy");
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  rename("copy", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_FALSE(enrolled(4));
  EXPECT_TRUE(enrolled(14));
}

TEST_F(StoreSourceTest, ReplacedWithinALoadItGivesUp) {
  enrol(0, static_cast<std::uint64_t>(2 * StoreSource::kLoadRows));
  make("other");
  std::size_t n = 0;
  const auto position = source_.load([](const auto&) {},
                                     [&](const Enrolment&) {
                                       if (++n == 10) rename("other", "store");
                                       return true;
                                     });
  ASSERT_FALSE(position);
  EXPECT_EQ(position.error().alarm, FollowerAlarm::kReplaced);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_TRUE(clients_.empty());
}

TEST_F(StoreSourceTest, WritesNothing) {
  enrol(0, 3);
  fs::permissions(path_, fs::perms::owner_read);
  const auto before = fs::last_write_time(path_);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(fs::last_write_time(path_), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_).parent_path()), {}), 1);
}

/// With the follower, as a server has it.
TEST_F(StoreSourceTest, TheFollowerKeepsTheTableAsTheStoreIs) {
  base::Quiescence readers(1);
  ClientDirectory directory(readers);
  enrol(0, 100);
  Follower follower(directory, std::make_unique<StoreSource>(path_, milliseconds(20)),
                    {.poll = milliseconds(5)});
  follower.start();
  const auto comes_true = [&](const auto& condition) {
    for (int i = 0; i < 2000; ++i) {
      readers.pass(0);
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  };
  const auto drop_of = [&](std::uint64_t i) { return find_one(directory, key_of(i)).drop; };
  EXPECT_TRUE(comes_true([&] { return drop_of(99) == DropReason::kNone; }));
  write({{.key = key_of(7), .revoked = true}, {.key = key_of(100)}});
  EXPECT_TRUE(comes_true([&] { return drop_of(7) == DropReason::kClientRevoked; }));
  EXPECT_TRUE(comes_true([&] { return drop_of(100) == DropReason::kNone; }));
  EXPECT_TRUE(comes_true([&] { return follower.status().sequence == 102; }));
  copy("store", "copy");
  fs::resize_file(path_, 5000);
  EXPECT_TRUE(comes_true([&] { return follower.status().alarm == FollowerAlarm::kTruncated; }));
  EXPECT_EQ(drop_of(99), DropReason::kNone);
  write({{.key = key_of(8), .revoked = true}}, "copy");
  rename("copy", "store");
  EXPECT_TRUE(comes_true([&] { return drop_of(8) == DropReason::kClientRevoked; }));
  EXPECT_TRUE(comes_true([&] { return follower.status().alarm == FollowerAlarm::kNone; }));
  EXPECT_EQ(follower.status().loads, 1U);
  readers.leave(0);
  follower.stop();
}

}  // namespace
}  // namespace pssst::identity
