#include "identity/store_schema.hpp"

#include <gtest/gtest.h>

#include "identity/temporary_folder.hpp"

namespace pssst::identity {
namespace {

using sqlite::Database;

class StoreSchema : public testing::Test {
 protected:
  [[nodiscard]] Database open(const std::string& name = "db") const {
    auto database =
        Database::open(folder_.path(name), Database::Mode::kCreate, std::chrono::milliseconds(0));
    if (!database) throw std::runtime_error(database.error().error.to_string());
    return std::move(*database);
  }
  /// "sequence what, ..." of the changes of `key`.
  static std::string changes(Database& database, const std::string& key) {
    auto rows = database.prepare("SELECT sequence, what FROM change WHERE key = " + key);
    std::string text;
    while (rows && rows->step().value()) {
      text += std::to_string(rows->number(0)) + " " + std::string(rows->text(1)) + ", ";
    }
    return text;
  }

  TemporaryFolder folder_;
};

TEST_F(StoreSchema, TellsStoresFromWhatElseThereIs) {
  Database database = open();
  EXPECT_EQ(identify_store(database).value(), StoreKind::kNothing);
  ASSERT_TRUE(make_store(database));
  EXPECT_EQ(identify_store(database).value(), StoreKind::kStore);
  ASSERT_TRUE(database.execute("PRAGMA user_version = 2"));
  EXPECT_EQ(identify_store(database).value(), StoreKind::kNewerStore);
  Database other = open("other");
  ASSERT_TRUE(other.execute("CREATE TABLE t (i)"));
  EXPECT_EQ(identify_store(other).value(), StoreKind::kSomethingElse);
}

TEST_F(StoreSchema, NoTwoStoresHaveOneName) {
  Database one = open("one");
  Database other = open("other");
  ASSERT_TRUE(make_store(one));
  ASSERT_TRUE(make_store(other));
  auto first = one.prepare("SELECT name FROM store");
  auto second = other.prepare("SELECT name FROM store");
  ASSERT_TRUE(first->step().value());
  ASSERT_TRUE(second->step().value());
  EXPECT_EQ(first->text(0).size(), 32U);
  EXPECT_NE(first->text(0), second->text(0));
}

TEST_F(StoreSchema, WhateverIsWrittenIsAChange) {
  Database database = open();
  ASSERT_TRUE(make_store(database));
  const std::string a = "x'" + std::string(64, 'a') + "'";
  const std::string b = "x'" + std::string(64, 'b') + "'";
  const auto run = [&](const std::string& sql) {
    ASSERT_TRUE(database.execute(sql.c_str())) << sql;
  };
  run("INSERT INTO client (key) VALUES (" + a + ")");
  run("UPDATE client SET name = 'n'");
  run("UPDATE client SET revoked = 1");
  run("UPDATE client SET revoked = 0");
  EXPECT_EQ(changes(database, a), "1 enrolled, 2 changed, 3 revoked, 4 enrolled, ");
  run("UPDATE client SET key = " + b);
  EXPECT_EQ(changes(database, a), "1 enrolled, 2 changed, 3 revoked, 4 enrolled, 5 removed, ");
  EXPECT_EQ(changes(database, b), "6 changed, ");
  run("DELETE FROM client");
  EXPECT_EQ(changes(database, b), "6 changed, 7 removed, ");
  EXPECT_EQ(database.number_of("SELECT count(DISTINCT token) FROM change").value(), 7);
  EXPECT_EQ(database
                .number_of("SELECT count(*) FROM change WHERE "
                           "abs(time_ms / 1000 - strftime('%s', 'now')) < 60")
                .value(),
            7);
}

TEST_F(StoreSchema, TakesNoRowThatTheServerCouldNotTake) {
  Database database = open();
  ASSERT_TRUE(make_store(database));
  const std::string key = "x'" + std::string(64, 'a') + "'";
  ASSERT_TRUE(database.execute(("INSERT INTO client (key) VALUES (" + key + ")").c_str()));
  for (const std::string& sql :
       {"INSERT INTO client (key) VALUES (" + key + ")",
        std::string("INSERT INTO client (key) VALUES (x'00')"),
        std::string("INSERT INTO client (key) VALUES ('") + std::string(32, 'a') + "')",
        std::string("UPDATE client SET metadata = zeroblob(65)"),
        std::string("UPDATE client SET not_before = -1"),
        std::string("UPDATE client SET not_after = 4291747200"),
        std::string("UPDATE client SET revoked = 2"),
        std::string("UPDATE client SET not_after = 'tomorrow'")}) {
    EXPECT_FALSE(database.execute(sql.c_str())) << sql;
  }
}

}  // namespace
}  // namespace pssst::identity
