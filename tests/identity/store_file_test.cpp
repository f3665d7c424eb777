#include "identity/store_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "identity/temporary_folder.hpp"

namespace pssst::identity {
namespace {

/// The first bytes of a SQLite file of `pages` pages of 4096 bytes, and zeros.
std::string database(std::uint8_t pages) {
  std::string file(std::size_t{4096} * pages, '\0');
  file.replace(0, 15, "SQLite format 3");
  file[16] = 0x10;
  file[27] = file[95] = 7;
  file[31] = static_cast<char>(pages);
  return file;
}

class StoreFile : public testing::Test {
 protected:
  [[nodiscard]] SourceError explain() const {
    return explain_failure(path_, {.what = "SQLite said so", .where = {}, .remedy = {}});
  }
  void write(std::string_view content, mode_t mode = 0600) const {
    folder_.write("store", content, mode);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path("store");
};

TEST_F(StoreFile, TellsFilesApart) {
  write("a");
  const auto first = identify_file(path_);
  ASSERT_TRUE(first);
  EXPECT_EQ(*identify_file(path_), *first);
  folder_.write("other", "a");
  std::filesystem::rename(folder_.path("other"), path_);
  EXPECT_NE(*identify_file(path_), *first);
}

TEST_F(StoreFile, NoFileIsGone) {
  EXPECT_EQ(identify_file(path_).error().alarm, FollowerAlarm::kGone);
  EXPECT_EQ(explain().alarm, FollowerAlarm::kGone);
  EXPECT_EQ(explain().error.where, path_);
  write("a");
  EXPECT_EQ(identify_file(path_ + "/below").error().alarm, FollowerAlarm::kGone);
}

TEST_F(StoreFile, WhatIsNoFileIsUnreadable) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(identify_file(path_).error().alarm, FollowerAlarm::kUnreadable);
  EXPECT_EQ(explain().error.what, "not a regular file");
}

TEST_F(StoreFile, AFileThatTheSystemKeepsToItselfIsUnreadable) {
  write(database(1), 0000);
  if (::access(path_.c_str(), R_OK) == 0) GTEST_SKIP() << "the superuser may read every file";
  EXPECT_EQ(explain().alarm, FollowerAlarm::kUnreadable);
  EXPECT_EQ(explain().error.what, "cannot open the store: Permission denied");
}

TEST_F(StoreFile, AnotherBeginningIsNoDatabase) {
  for (const std::string& content :
       {std::string("x"), std::string("SQLite format 2"), std::string(5000, 'z')}) {
    write(content);
    EXPECT_EQ(explain().alarm, FollowerAlarm::kNotADatabase) << content.size();
  }
}

TEST_F(StoreFile, ShorterThanItSaysIsTruncated) {
  const std::string whole = database(3);
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{16}, std::size_t{99},
                                 std::size_t{100}, std::size_t{4096}, whole.size() - 1}) {
    write(std::string_view(whole).substr(0, size));
    EXPECT_EQ(explain().alarm, FollowerAlarm::kTruncated) << size;
  }
  EXPECT_EQ(explain().error.what, "the store is truncated: 12287 bytes of 12288");
}

TEST_F(StoreFile, OtherwiseTheCauseIsWhatSQLiteSaid) {
  write(database(3));
  EXPECT_EQ(explain().alarm, FollowerAlarm::kUnreadable);
  EXPECT_EQ(explain().error.what, "SQLite said so");
  // An old SQLite wrote last, which did not count pages.
  std::string unsaid = database(3).substr(0, 4096);
  unsaid[95] = 6;
  write(unsaid);
  EXPECT_EQ(explain().error.what, "SQLite said so");
}

TEST_F(StoreFile, LooksOnlyAtTheBeginning) {
  write(database(3).substr(0, 5000));
  const auto seen = look_at_store(path_);
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, *identify_file(path_));
  write("");
  EXPECT_TRUE(look_at_store(path_));
  write("something else");
  EXPECT_EQ(look_at_store(path_).error().alarm, FollowerAlarm::kNotADatabase);
  std::filesystem::remove(path_);
  EXPECT_EQ(look_at_store(path_).error().alarm, FollowerAlarm::kGone);
}

TEST_F(StoreFile, AWriteAheadLogIsNotRead) {
  for (const std::size_t place : {18U, 19U}) {
    std::string logged = database(1);
    logged[place] = 2;
    write(logged);
    const auto seen = look_at_store(path_);
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().alarm, FollowerAlarm::kNotADatabase);
    EXPECT_NE(seen.error().error.remedy.find("journal_mode = DELETE"), std::string::npos);
  }
}

}  // namespace
}  // namespace pssst::identity
