#include "identity/store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "identity/sqlite.hpp"
#include "identity/table_testing.hpp"
#include "identity/temporary_folder.hpp"

namespace pssst::identity {
namespace {

using std::chrono::milliseconds;
using Answer = Store::Answer;

class StoreTest : public testing::Test {
 protected:
  [[nodiscard]] Store open(Store::Mode mode = Store::Mode::kCreate,
                           milliseconds patience = milliseconds(0)) const {
    auto store = Store::open(path_, mode, patience);
    if (!store) throw std::runtime_error(store.error().to_string());
    return std::move(*store);
  }
  /// In a transaction of its own.
  static Answer write(Store& store, const ClientUpdate& update) {
    EXPECT_TRUE(store.begin());
    const auto answer = store.apply(update);
    EXPECT_TRUE(answer);
    EXPECT_TRUE(store.commit());
    return answer.value_or(Answer::kSame);
  }
  [[nodiscard]] sqlite::Database raw() const {
    return std::move(
        sqlite::Database::open(path_, sqlite::Database::Mode::kWrite, milliseconds(0)).value());
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path("store");
};

TEST_F(StoreTest, KeepsRecords) {
  const ClientUpdate update{.key = key_of(1),
                            .name = "meter 1",
                            .tags = "a b",
                            .not_before = 10,
                            .not_after = 20,
                            .metadata = std::vector<std::uint8_t>{1, 0, 2},
                            .revoked = false};
  {
    Store store = open();
    EXPECT_EQ(write(store, update), Answer::kAdded);
    EXPECT_EQ(write(store, update), Answer::kSame);
    EXPECT_EQ(write(store, {.key = key_of(2)}), Answer::kAdded);
  }
  Store store = open(Store::Mode::kRead);
  const auto found = store.find(key_of(1)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key, key_of(1));
  EXPECT_EQ(found->name, "meter 1");
  EXPECT_EQ(found->tags, "a b");
  EXPECT_EQ(found->not_before, 10);
  EXPECT_EQ(found->not_after, 20);
  EXPECT_EQ(found->metadata, (std::vector<std::uint8_t>{1, 0, 2}));
  EXPECT_FALSE(found->revoked);
  const auto bare = store.find(key_of(2)).value();
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->name, "");
  EXPECT_EQ(bare->not_before, Enrolment::kAlways);
  EXPECT_EQ(bare->not_after, Enrolment::kForever);
  EXPECT_FALSE(store.find(key_of(3)).value());
  const auto summary = store.summary().value();
  EXPECT_EQ(summary.clients, 2);
  EXPECT_EQ(summary.sequence, 2);
}

TEST_F(StoreTest, ChangesOnlyWhatIsSet) {
  Store store = open();
  write(store, {.key = key_of(1), .name = "n", .tags = "t", .not_after = 20});
  EXPECT_EQ(write(store, {.key = key_of(1), .tags = "u"}), Answer::kChanged);
  EXPECT_EQ(write(store, {.key = key_of(1), .revoked = true}), Answer::kChanged);
  EXPECT_EQ(write(store, {.key = key_of(1)}), Answer::kSame);
  auto record = *store.find(key_of(1)).value();
  EXPECT_EQ(record.name, "n");
  EXPECT_EQ(record.tags, "u");
  EXPECT_EQ(record.not_after, 20);
  EXPECT_TRUE(record.revoked);
  write(store, {.key = key_of(1), .not_after = Enrolment::kForever});
  EXPECT_EQ(store.find(key_of(1)).value()->not_after, Enrolment::kForever);
  EXPECT_EQ(store.summary().value().sequence, 4);
}

TEST_F(StoreTest, OneNameHasTwoKeysAtATime) {
  Store store = open();
  EXPECT_EQ(write(store, {.key = key_of(1), .name = "n"}), Answer::kAdded);
  EXPECT_EQ(write(store, {.key = key_of(2), .name = "n"}), Answer::kAdded);
  EXPECT_EQ(write(store, {.key = key_of(3), .name = "n"}), Answer::kTooManyKeys);
  EXPECT_EQ(write(store, {.key = key_of(3), .name = "m"}), Answer::kAdded);
  EXPECT_EQ(write(store, {.key = key_of(3), .name = "n"}), Answer::kTooManyKeys);
  EXPECT_EQ(write(store, {.key = key_of(2), .tags = "t"}), Answer::kChanged);
  EXPECT_EQ(write(store, {.key = key_of(1), .revoked = true}), Answer::kChanged);
  EXPECT_EQ(write(store, {.key = key_of(3), .name = "n"}), Answer::kChanged);
  EXPECT_EQ(write(store, {.key = key_of(1), .revoked = false}), Answer::kTooManyKeys);
  EXPECT_EQ(store.find_named("n").value().size(), 3U);
  // No name, no device.
  for (std::uint64_t i = 10; i < 15; ++i) {
    EXPECT_EQ(write(store, {.key = key_of(i)}), Answer::kAdded);
  }
  EXPECT_TRUE(store.find_named("").value().empty());
}

TEST_F(StoreTest, AWindowIsNotEmptyAlsoWhenItChangesByHalves) {
  Store store = open();
  EXPECT_EQ(write(store, {.key = key_of(1), .not_before = 30, .not_after = 20}),
            Answer::kEmptyWindow);
  EXPECT_EQ(write(store, {.key = key_of(1), .not_before = 10, .not_after = 20}), Answer::kAdded);
  EXPECT_EQ(write(store, {.key = key_of(1), .not_before = 30}), Answer::kEmptyWindow);
  EXPECT_EQ(store.find(key_of(1)).value()->not_before, 10);
  for (const Answer refusal : {Answer::kTooManyKeys, Answer::kEmptyWindow}) {
    EXPECT_TRUE(is_refusal(refusal));
    EXPECT_FALSE(refusal_error(refusal).remedy.empty());
  }
  EXPECT_FALSE(is_refusal(Answer::kSame));
}

TEST_F(StoreTest, WhatIsNotCommittedIsNotThere) {
  Store store = open();
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.apply({.key = key_of(1)}));
  EXPECT_TRUE(store.find(key_of(1)).value());
  EXPECT_FALSE(open(Store::Mode::kRead).find(key_of(1)).value());
  store.rollback();
  EXPECT_FALSE(store.find(key_of(1)).value());
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.commit());
}

TEST_F(StoreTest, ScansInOrderAndPastPages) {
  Store store = open();
  ASSERT_TRUE(store.begin());
  constexpr std::uint64_t kClients = 10'000;
  for (std::uint64_t i = 0; i < kClients; ++i) {
    ASSERT_TRUE(store.apply({.key = key_of(i), .name = std::to_string(i)}));
  }
  ASSERT_TRUE(store.commit());
  std::uint64_t seen = 0;
  ASSERT_TRUE(store.scan([&](const ClientRecord& record) {
    EXPECT_EQ(record.key, key_of(seen));
    EXPECT_EQ(record.name, std::to_string(seen));
    return ++seen < 9'000;
  }));
  EXPECT_EQ(seen, 9'000U);
  seen = 0;
  ASSERT_TRUE(store.scan([&](const ClientRecord&) { return ++seen, true; }));
  EXPECT_EQ(seen, kClients);
}

TEST_F(StoreTest, IsMadeOnlyWhereItIsAskedFor) {
  for (const auto mode : {Store::Mode::kRead, Store::Mode::kWrite}) {
    const auto store = Store::open(path_, mode);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().to_string(),
              path_ +
                  ": cannot open the store: No such file or directory: name a store; pssst "
                  "identity enrol and import make one");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(Store::open(folder_.path("no/store"), Store::Mode::kCreate));
}

TEST_F(StoreTest, RefusesWhatIsNoStore) {
  const auto refusal = [&](Store::Mode mode = Store::Mode::kCreate) {
    const auto store = Store::open(path_, mode, milliseconds(0));
    return store ? std::string() : store.error().what;
  };
  folder_.write("store", "key,name\n");
  EXPECT_EQ(refusal(), "not a SQLite database");
  folder_.write("store", "");
  EXPECT_EQ(refusal(Store::Mode::kRead), "an empty database");
  EXPECT_EQ(refusal(), "");
  ASSERT_TRUE(raw().execute("PRAGMA user_version = 77"));
  EXPECT_EQ(refusal(), "a store of a version that is not known here");
  ASSERT_TRUE(raw().execute("PRAGMA application_id = 5"));
  EXPECT_EQ(refusal(), "a database, but not a store of clients");
  ASSERT_TRUE(raw().execute("PRAGMA journal_mode = WAL"));
  EXPECT_EQ(refusal(), "a database with a write-ahead log, which a store must not have");
}

TEST_F(StoreTest, IsOneFile) {
  Store store = open();
  write(store, {.key = key_of(1)});
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST_F(StoreTest, WritersWaitForEachOther) {
  Store first = open();
  Store second = open(Store::Mode::kWrite, milliseconds(10'000));
  ASSERT_TRUE(first.begin());
  ASSERT_TRUE(first.apply({.key = key_of(1)}));
  EXPECT_FALSE(open(Store::Mode::kWrite).begin());
  std::thread other([&] { write(second, {.key = key_of(2)}); });
  std::this_thread::sleep_for(milliseconds(20));
  ASSERT_TRUE(first.commit());
  other.join();
  EXPECT_EQ(first.summary().value().clients, 2);
}

TEST_F(StoreTest, OldChangesGoButTheLast) {
  Store store = open();
  for (std::uint64_t i = 0; i < 10; ++i) write(store, {.key = key_of(i)});
  const auto sequences = [&](const char* which) {
    return raw().number_of(std::string("SELECT ") + which + "(sequence) FROM change").value();
  };
  EXPECT_EQ(sequences("min"), 1);
  ASSERT_TRUE(raw().execute("UPDATE change SET time_ms = time_ms - 3700000 WHERE sequence <= 6"));
  write(store, {.key = key_of(20)});
  EXPECT_EQ(sequences("min"), 7);
  ASSERT_TRUE(raw().execute("UPDATE change SET time_ms = time_ms - 3700000"));
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(sequences("min"), 11);
  EXPECT_EQ(sequences("max"), 11);
  write(store, {.key = key_of(21)});
  EXPECT_EQ(sequences("max"), 12);
}

TEST_F(StoreTest, AFailureEndsTheTransaction) {
  Store store = open();
  write(store, {.key = key_of(1)});
  ASSERT_TRUE(
      raw().execute("CREATE TRIGGER full BEFORE INSERT ON client WHEN new.name = 'x' "
                    "BEGIN SELECT RAISE(FAIL, 'no more'); END"));
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.apply({.key = key_of(2)}));
  const auto failed = store.apply({.key = key_of(3), .name = "x"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what, "SQLite: no more");
  EXPECT_FALSE(store.find(key_of(2)).value());
  EXPECT_EQ(write(store, {.key = key_of(2)}), Answer::kAdded);
}

}  // namespace
}  // namespace pssst::identity
