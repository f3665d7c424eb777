#include "identity/store_schema.hpp"

#include <array>
#include <string>

#include "base/hex.hpp"
#include "base/random.hpp"

namespace pssst::identity {
namespace {

// Milliseconds since 1970 are counted by SQLite itself, so that triggers need nobody's help. The
// last second is that of 2105.
constexpr const char* kTables = R"sql(
CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT NOT NULL
) STRICT;

CREATE TABLE client (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  name TEXT NOT NULL DEFAULT '',
  tags TEXT NOT NULL DEFAULT '',
  not_before INTEGER CHECK (not_before BETWEEN 0 AND 4291747199),
  not_after INTEGER CHECK (not_after BETWEEN 0 AND 4291747199),
  metadata BLOB NOT NULL DEFAULT x'' CHECK (length(metadata) <= 64),
  revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1))
) STRICT;

CREATE INDEX client_by_name ON client (name) WHERE name <> '';

CREATE TABLE change (
  sequence INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL
    DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)),
  token INTEGER NOT NULL DEFAULT (random()),
  what TEXT NOT NULL,
  key BLOB NOT NULL
) STRICT;

CREATE TRIGGER client_added AFTER INSERT ON client BEGIN
  INSERT INTO change (what, key) VALUES (iif(new.revoked, 'revoked', 'enrolled'), new.key);
END;

CREATE TRIGGER client_changed AFTER UPDATE ON client BEGIN
  INSERT INTO change (what, key) SELECT 'removed', old.key WHERE old.key <> new.key;
  INSERT INTO change (what, key) VALUES (
    iif(old.revoked = new.revoked, 'changed', iif(new.revoked, 'revoked', 'enrolled')), new.key);
END;

CREATE TRIGGER client_removed AFTER DELETE ON client BEGIN
  INSERT INTO change (what, key) VALUES ('removed', old.key);
END;
)sql";

}  // namespace

sqlite::Outcome<StoreKind> identify_store(sqlite::Database& database) {
  const auto application = database.number_of("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  const auto version = database.number_of("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*application == kStoreApplicationId) {
    if (*version != kStoreVersion) return StoreKind::kNewerStore;
    // A view or a virtual table in the place of one is a program, and may never end.
    const auto tables = database.number_of(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name IN "
        "('store', 'client', 'change')");
    if (!tables) return tl::unexpected(tables.error());
    return *tables == 3 ? StoreKind::kStore : StoreKind::kSomethingElse;
  }
  const auto tables = database.number_of("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  const bool blank = *application == 0 && *version == 0 && *tables == 0;
  return blank ? StoreKind::kNothing : StoreKind::kSomethingElse;
}

sqlite::Outcome<void> make_store(sqlite::Database& database) {
  std::array<std::uint8_t, 16> name{};
  base::fill_random(name);
  const std::string sql = kTables + ("INSERT INTO store VALUES (1, '" + base::to_hex(name)) +
                          "');"
                          "PRAGMA application_id = " +
                          std::to_string(kStoreApplicationId) +
                          ";"
                          "PRAGMA user_version = " +
                          std::to_string(kStoreVersion);
  return database.execute(sql.c_str());
}

}  // namespace pssst::identity
