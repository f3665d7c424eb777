#include "identity/sqlite.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "identity/temporary_folder.hpp"

namespace pssst::identity::sqlite {
namespace {

using std::chrono::milliseconds;

class Sqlite : public testing::Test {
 protected:
  [[nodiscard]] Database open(Database::Mode mode = Database::Mode::kCreate,
                              milliseconds patience = milliseconds(0)) const {
    auto database = Database::open(path_, mode, patience);
    if (!database) throw std::runtime_error(database.error().error.to_string());
    return std::move(*database);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path("db");
};

TEST_F(Sqlite, KeepsWhatIsBound) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (i, s, b, n)"));
  auto insert = database.prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4)");
  ASSERT_TRUE(insert);
  const std::vector<std::uint8_t> bytes{0, 1, 2};
  const std::string text("a\0b", 3);
  insert->bind(1, INT64_MIN).bind(2, std::string_view(text)).bind(3, std::span(bytes));
  ASSERT_TRUE(insert->bind_null(4).run());
  EXPECT_EQ(database.changes(), 1);
  // Empty is not NULL.
  ASSERT_TRUE(insert->bind(2, std::string_view()).bind(3, std::span<const std::uint8_t>()).run());
  auto select = database.prepare("SELECT i, s, b, n FROM t ORDER BY rowid");
  ASSERT_TRUE(select);
  ASSERT_TRUE(select->step().value());
  EXPECT_EQ(select->number(0), INT64_MIN);
  EXPECT_EQ(select->text(1), text);
  EXPECT_TRUE(std::ranges::equal(select->bytes(2), bytes));
  EXPECT_TRUE(select->is_null(3));
  ASSERT_TRUE(select->step().value());
  EXPECT_TRUE(select->is_null(0));
  EXPECT_FALSE(select->is_null(1));
  EXPECT_FALSE(select->is_null(2));
  EXPECT_TRUE(select->bytes(2).empty());
  EXPECT_FALSE(select->step().value());
}

TEST_F(Sqlite, TellsWhatIsWrong) {
  Database database = open();
  EXPECT_EQ(database.execute("nonsense").error().fault, Fault::kOther);
  EXPECT_EQ(database.prepare("SELECT x FROM nothing").error().error.where, path_);
  auto one = database.prepare("SELECT ?1");
  ASSERT_TRUE(one);
  EXPECT_FALSE(one->bind(7, std::int64_t{1}).step());
  EXPECT_TRUE(one->reset().bind(1, std::int64_t{1}).step().value());
}

TEST_F(Sqlite, AMissingFileIsMadeOnlyWhereItIsAskedFor) {
  for (const auto mode : {Database::Mode::kRead, Database::Mode::kWrite}) {
    EXPECT_EQ(Database::open(path_, mode, milliseconds(0)).error().fault, Fault::kCannotOpen);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(open().execute("CREATE TABLE t (i)"));
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_FALSE(Database::open("", Database::Mode::kCreate, milliseconds(0)));
}

TEST_F(Sqlite, AReaderDoesNotWrite) {
  ASSERT_TRUE(open().execute("CREATE TABLE t (i)"));
  Database reader = open(Database::Mode::kRead);
  EXPECT_FALSE(reader.writable());
  EXPECT_EQ(reader.execute("INSERT INTO t VALUES (1)").error().fault, Fault::kReadOnly);
  EXPECT_TRUE(open(Database::Mode::kWrite).writable());
}

TEST_F(Sqlite, WaitsForALockAsLongAsItWasTold) {
  Database writer = open();
  ASSERT_TRUE(writer.execute("CREATE TABLE t (i); BEGIN EXCLUSIVE"));
  Database reader = open(Database::Mode::kRead, milliseconds(50));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(reader.number_of("SELECT count(*) FROM t").error().fault, Fault::kBusy);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(50));
  ASSERT_TRUE(writer.execute("COMMIT"));
  EXPECT_TRUE(reader.number_of("SELECT count(*) FROM t"));
}

TEST_F(Sqlite, ATransactionIsWrittenWhollyOrNotAtAll) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (i)"));
  {
    auto transaction = Transaction::begin(database, Transaction::Kind::kWrite);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
  }
  EXPECT_FALSE(database.in_transaction());
  EXPECT_EQ(database.number_of("SELECT count(*) FROM t").value(), 0);
  {
    auto transaction = Transaction::begin(database, Transaction::Kind::kWrite);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(open().number_of("SELECT count(*) FROM t").value(), 1);
}

TEST_F(Sqlite, WhatCannotBeReadIsCorruptOrNoDatabase) {
  Database writer = open();
  ASSERT_TRUE(writer.execute("CREATE TABLE t (i); INSERT INTO t VALUES (zeroblob(50000))"));
  Database reader = open(Database::Mode::kRead);
  ASSERT_EQ(reader.number_of("SELECT count(*) FROM t").value(), 1);
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size / 2);
  reader.forget_pages();
  EXPECT_EQ(reader.number_of("SELECT sum(length(i)) FROM t").error().fault, Fault::kCorrupt);
  folder_.write("other", std::string(8192, 'x'));
  std::filesystem::rename(folder_.path("other"), path_);
  Database other = open(Database::Mode::kRead);
  EXPECT_EQ(other.number_of("SELECT count(*) FROM t").error().fault, Fault::kNotADatabase);
}

TEST_F(Sqlite, AFullDiskIsToldAndNothingIsWritten) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (i)"));
  // A quota of SQLite's own stands for the disk: the same error comes from either.
  ASSERT_TRUE(database.number_of("PRAGMA max_page_count = 4"));
  EXPECT_EQ(database.execute("INSERT INTO t VALUES (zeroblob(50000))").error().fault, Fault::kFull);
  EXPECT_EQ(database.number_of("SELECT count(*) FROM t").value(), 0);
}

TEST_F(Sqlite, AKilledWritersJournalIsRolledBackByWhoMayWrite) {
  ASSERT_TRUE(open().execute("CREATE TABLE t (i); INSERT INTO t VALUES (zeroblob(50000))"));
  const pid_t child = fork();
  if (child == 0) {
    // Too small a cache: pages, and the journal, are written before the commit.
    auto database = Database::open(path_, Database::Mode::kWrite, milliseconds(0));
    if (database) {
      static_cast<void>(
          database->execute("PRAGMA cache_size = 1; BEGIN; UPDATE t SET i = randomblob(50000);"
                            "INSERT INTO t VALUES (randomblob(500000))"));
    }
    static_cast<void>(std::raise(SIGKILL));
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  ASSERT_TRUE(std::filesystem::exists(path_ + "-journal"));
  Database reader = open(Database::Mode::kRead);
  const auto broken_off = reader.number_of("SELECT count(*) FROM t");
  ASSERT_FALSE(broken_off);
  EXPECT_EQ(broken_off.error().fault, Fault::kBrokenOff);
  EXPECT_EQ(open(Database::Mode::kWrite).number_of("SELECT count(*) FROM t").value(), 1);
  EXPECT_EQ(reader.number_of("SELECT count(*) FROM t").value(), 1);
}

}  // namespace
}  // namespace pssst::identity::sqlite
