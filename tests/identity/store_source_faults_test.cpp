// What may happen to a store's file: each is an alarm, and ends when the file is good again.
#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

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

TEST_F(StoreSourceFaults, WrittenOverWhileItIsReadItIsAnAlarm) {
  enrol(0, static_cast<std::uint64_t>(2 * StoreSource::kLoadRows));
  std::size_t n = 0;
  // Between two steps: the next finds the file as somebody left it.
  const auto position = source_.load([](const auto&) {},
                                     [&](const Enrolment&) {
                                       if (++n == 10) fs::resize_file(path_, 100'000);
                                       return true;
                                     });
  ASSERT_FALSE(position);
  EXPECT_EQ(position.error().alarm, FollowerAlarm::kTruncated);
  EXPECT_EQ(n, static_cast<std::size_t>(StoreSource::kLoadRows));
}

TEST_F(StoreSourceFaults, AViewIsNoTable) {
  // It could be one that never ends.
  enrol(0, 3);
  run_sql("ALTER TABLE client RENAME TO hidden; CREATE VIEW client AS SELECT * FROM hidden");
  EXPECT_EQ(load(), FollowerAlarm::kNotADatabase);
}

TEST_F(StoreSourceFaults, AHighNumberOfARecordAsksForNoRoom) {
  enrol(0, 3);
  run_sql("UPDATE client SET id = 9223372036854775807 WHERE id = 3");
  EXPECT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), 3U);
  EXPECT_LT(extent_.records, 10'000U);
  EXPECT_LT(extent_.metadata_bytes, 1'000'000U);
}

TEST_F(StoreSourceFaults, ANumberBelowZeroIsOneToo) {
  enrol(0, 3);
  run_sql("UPDATE client SET id = -7 WHERE id = 2");
  EXPECT_EQ(load(), FollowerAlarm::kNone);
  EXPECT_EQ(clients_.size(), 3U);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// All branches of every table lead to its first leaf.
std::string tangled(std::string image) {
  constexpr std::size_t kPage = 4096;
  constexpr char kInnerTable = 5;
  for (std::size_t page = kPage; page < image.size(); page += kPage) {
    if (image[page] != kInnerTable) continue;
    const auto number = [&](std::size_t at) {
      return static_cast<std::size_t>(static_cast<std::uint8_t>(image[page + at])) << 8 |
             static_cast<std::uint8_t>(image[page + at + 1]);
    };
    const std::string first = image.substr(page + number(12), 4);
    for (std::size_t cell = 0; cell < number(3); ++cell) {
      image.replace(page + number(12 + 2 * cell), 4, first);
    }
    image.replace(page + 8, 4, first);
  }
  return image;
}

TEST_F(StoreSourceFaults, RecordsThatComeAgainAndAgainAreAnAlarm) {
  enrol(0, 5000);
  const std::string image = tangled(read_file(path_));
  std::ofstream(path_, std::ios::binary).write(image.data(), static_cast<long>(image.size()));
  std::size_t n = 0;
  const auto position =
      source_.load([](const auto&) {}, [&](const Enrolment&) { return ++n < 100'000; });
  ASSERT_FALSE(position) << "without end";
  EXPECT_EQ(position.error().alarm, FollowerAlarm::kTruncated);
}

/// A store and a copy in which everybody is revoked are written over each other again and again, by
/// somebody who heeds no locks, in the midst of whatever is read: what is told is one or the other.
TEST_F(StoreSourceFaults, HalfOfAStoreIsNeverTold) {
  // More than SQLite keeps in its cache.
  constexpr std::uint64_t kClients = 16'000;
  enrol(0, kClients);
  copy("store", "other");
  run_sql("UPDATE client SET revoked = 1", "other");
  std::string images[] = {read_file(path_), read_file(folder_.path("other"))};
  // A file may be longer than it says.
  images[0].resize(images[1].size());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    for (std::size_t i = 1; !stop; ++i) {
      const std::string& image = images[i % 2];
      file.seekp(0).write(image.data(), static_cast<std::streamsize>(image.size())).flush();
      // Ever longer, so that a whole one can be read in between, however slow the machine.
      std::this_thread::sleep_for(milliseconds(100 + 10 * i));
    }
  });
  std::array<int, 2> whole{};  // loads of either
  const auto begun = std::chrono::steady_clock::now();
  const auto goes_on = [&] {
    const auto passed = std::chrono::steady_clock::now() - begun;
    const bool all_seen = whole[0] > 0 && whole[1] > 0;
    return passed < std::chrono::seconds(all_seen ? 3 : 30);
  };
  while (goes_on()) {
    std::array<std::uint64_t, 2> clients{};
    const auto position = source_.load([](const auto&) {},
                                       [&](const Enrolment& client) {
                                         ++clients.at(client.revoked ? 1 : 0);
                                         return true;
                                       });
    if (!position) continue;
    const std::size_t which = clients[1] > 0 ? 1 : 0;
    ++whole.at(which);
    EXPECT_EQ(clients.at(which), kClients);
    EXPECT_EQ(position->sequence, static_cast<std::int64_t>((1 + which) * kClients));
  }
  stop = true;
  writer.join();
  EXPECT_GT(whole[0], 0);
  EXPECT_GT(whole[1], 0);
}

TEST_F(StoreSourceFaults, AFileThatWasJustWrittenIsLoadedAMomentLater) {
  enrol(0, 3);
  const auto load_time = [this] {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(load(), FollowerAlarm::kNone);
    return std::chrono::steady_clock::now() - begun;
  };
  fs::last_write_time(path_, fs::file_time_type::clock::now());
  EXPECT_GE(load_time(), milliseconds(80));
  // A clock that was set back must not keep it from being loaded.
  fs::last_write_time(path_, fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_LT(load_time(), milliseconds(1000));
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
