// What may happen to a store's file: each is an alarm, and ends when the file is good again.
#include <fstream>

#include "identity/store_source_testing.hpp"

namespace pssst::identity {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;
using StoreSourceFaults = StoreSourceTest;

TEST_F(StoreSourceFaults, ALockIsWaitedForAndThenAnAlarm) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  auto other = sqlite::Database::open(path_, sqlite::Database::Mode::kWrite, milliseconds(0));
  ASSERT_TRUE(other->execute("BEGIN EXCLUSIVE"));
  EXPECT_EQ(follow(), FollowerAlarm::kLocked);
  EXPECT_EQ(load(), FollowerAlarm::kLocked);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_EQ(follow(), FollowerAlarm::kNone);
  // Who only prepares to write is in nobody's way.
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE; DELETE FROM client"));
  EXPECT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), 3U);
}

TEST_F(StoreSourceFaults, GivesUpItsLocks) {
  enrol(0, 10);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  ASSERT_EQ(follow(), FollowerAlarm::kNone);
  auto other = sqlite::Database::open(path_, sqlite::Database::Mode::kWrite, milliseconds(0));
  EXPECT_TRUE(other->execute("BEGIN EXCLUSIVE; COMMIT"));
  position_.sequence = 77;
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  EXPECT_TRUE(other->execute("BEGIN EXCLUSIVE; COMMIT"));
}

TEST_F(StoreSourceFaults, TruncatedItIsAnAlarmUntilItIsWholeAgain) {
  enrol(0, 2000);
  copy("store", "copy");
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  const auto size = fs::file_size(path_);
  for (const auto left : {size - 1, size / 2, std::uintmax_t{4096}, std::uintmax_t{1000},
                          std::uintmax_t{50}, std::uintmax_t{0}}) {
    fs::resize_file(path_, left);
    EXPECT_EQ(follow(), FollowerAlarm::kTruncated) << left;
    EXPECT_EQ(load(), FollowerAlarm::kTruncated) << left;
  }
  copy("copy", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kNone);
  EXPECT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), 2000U);
}

TEST_F(StoreSourceFaults, TornPagesAreAnAlarm) {
  enrol(0, 2000);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  copy("store", "copy");
  {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    const std::string junk(fs::file_size(path_) - 8192, '\x5a');
    file.seekp(8192).write(junk.data(), static_cast<std::streamsize>(junk.size()));
  }
  EXPECT_EQ(load(), FollowerAlarm::kTruncated);
  rename("copy", "store");
  EXPECT_EQ(load(), FollowerAlarm::kNone);
}

TEST_F(StoreSourceFaults, GoneItIsAnAlarmUntilItIsBack) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  rename("store", "elsewhere");
  EXPECT_EQ(follow(), FollowerAlarm::kGone);
  EXPECT_EQ(load(), FollowerAlarm::kGone);
  rename("elsewhere", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kNone);
}

TEST_F(StoreSourceFaults, SomethingElseInItsPlaceIsAnAlarm) {
  enrol(0, 3);
  ASSERT_EQ(load(), FollowerAlarm::kNone);
  folder_.write("junk", "something else");
  rename("junk", "store");
  EXPECT_EQ(follow(), FollowerAlarm::kNotADatabase);
  fs::remove(path_);
  {
    auto database = sqlite::Database::open(path_, sqlite::Database::Mode::kCreate, milliseconds(0));
    ASSERT_TRUE(database->execute("CREATE TABLE t (i)"));
  }
  EXPECT_EQ(follow(), FollowerAlarm::kNotADatabase);
  fs::remove(path_);
  make("store");
  EXPECT_EQ(follow(), FollowerAlarm::kReplaced);
  run_sql("PRAGMA user_version = 2");
  EXPECT_EQ(load(), FollowerAlarm::kNotADatabase);
  run_sql("PRAGMA user_version = 1; PRAGMA journal_mode = WAL");
  EXPECT_EQ(load(), FollowerAlarm::kNotADatabase);
  EXPECT_FALSE(fs::exists(path_ + "-shm"));
  run_sql("PRAGMA journal_mode = DELETE");
  EXPECT_EQ(load(), FollowerAlarm::kNone);
}

TEST_F(StoreSourceFaults, RowsThatAStoreCannotHaveAreAnAlarm) {
  enrol(0, 3);
  run_sql("PRAGMA ignore_check_constraints = ON; UPDATE client SET key = x'00' WHERE id = 2");
  EXPECT_EQ(load(), FollowerAlarm::kTruncated);
}

}  // namespace
}  // namespace pssst::identity
