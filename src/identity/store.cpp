#include "identity/store.hpp"

#include <algorithm>
#include <utility>

#include "identity/sqlite.hpp"
#include "identity/store_file.hpp"
#include "identity/store_schema.hpp"

namespace pssst::identity {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

/// Rows of scan() that are read at a time: writers wait meanwhile.
constexpr std::int64_t kScanRows = 4096;
/// A follower that was away for longer loads the whole store.
constexpr std::int64_t kChangesKeptMs = 3'600'000;
/// Old changes that go with one commit, at most.
constexpr std::int64_t kChangesForgotten = 65536;

// A large cache and no spilling: nothing is written, and no reader waits, before the commit.
// EXTRA: a revocation that was reported does not come undone with the power.
constexpr const char* kWriterSettings =
    "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
    "PRAGMA cache_size = -262144; PRAGMA cache_spill = OFF";

constexpr const char* kFind =
    "SELECT id, key, name, tags, not_before, not_after, metadata, revoked FROM client ";

template <class T>
base::Result<T> plain(sqlite::Outcome<T> outcome) {
  if (!outcome) return tl::unexpected(std::move(outcome.error().error));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*outcome);
  }
}

/// Of a row of kFind.
ClientRecord record_of(const Statement& row) {
  ClientRecord record;
  const auto key = row.bytes(1);
  std::ranges::copy(key.first(std::min(key.size(), record.key.size())), record.key.begin());
  record.name = row.text(2);
  record.tags = row.text(3);
  if (!row.is_null(4)) record.not_before = row.number(4);
  if (!row.is_null(5)) record.not_after = row.number(5);
  const auto metadata = row.bytes(6);
  record.metadata.assign(metadata.begin(), metadata.end());
  record.revoked = row.number(7) != 0;
  return record;
}

ClientRecord updated(ClientRecord record, const ClientUpdate& update) {
  const auto set = [](auto& field, const auto& value) {
    if (value) field = *value;
  };
  set(record.name, update.name);
  set(record.tags, update.tags);
  set(record.not_before, update.not_before);
  set(record.not_after, update.not_after);
  set(record.metadata, update.metadata);
  set(record.revoked, update.revoked);
  return record;
}

bool same(const ClientRecord& a, const ClientRecord& b) {
  return a.name == b.name && a.tags == b.tags && a.not_before == b.not_before &&
         a.not_after == b.not_after && a.metadata == b.metadata && a.revoked == b.revoked;
}

/// Parameters 1 to 7, as in the statements of Connection.
Statement& bind_record(Statement& statement, const ClientRecord& record) {
  statement.reset()
      .bind(1, std::span<const std::uint8_t>(record.key))
      .bind(2, std::string_view(record.name))
      .bind(3, std::string_view(record.tags));
  // No bound is NULL, which a parameter is that nothing was bound to.
  if (record.not_before != Enrolment::kAlways) statement.bind(4, record.not_before);
  if (record.not_after != Enrolment::kForever) statement.bind(5, record.not_after);
  return statement.bind(6, std::span<const std::uint8_t>(record.metadata))
      .bind(7, std::int64_t{record.revoked ? 1 : 0});
}

}  // namespace

struct Store::Connection {
  explicit Connection(Database opened) : database(std::move(opened)) {}

  sqlite::Outcome<void> prepare();
  sqlite::Outcome<void> make_if_blank(Mode mode, const std::string& path);
  sqlite::Outcome<bool> has_room(const ClientRecord& record);
  /// True: a record, and its row; false: none.
  sqlite::Outcome<bool> read(const PublicKey& key, ClientRecord& record);
  sqlite::Outcome<Answer> apply(const ClientUpdate& update);
  sqlite::Outcome<std::vector<ClientRecord>> read_some(std::int64_t& after);

  Database database;
  std::optional<Transaction> transaction;
  Statement find_key;
  Statement find_name;
  Statement others_of_name;
  Statement insert;
  Statement update;
  Statement scan;
  Statement forget;
};

sqlite::Outcome<void> Store::Connection::prepare() {
  const std::string find = kFind;
  const std::pair<Statement*, std::string> statements[] = {
      {&find_key, find + "WHERE key = ?1"},
      {&find_name, find + "WHERE name = ?1 AND name <> '' ORDER BY id"},
      {&others_of_name,
       "SELECT count(*) FROM client "
       "WHERE name = ?1 AND name <> '' AND revoked = 0 AND key <> ?2"},
      {&insert,
       "INSERT INTO client (key, name, tags, not_before, not_after, metadata, revoked) "
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&update,
       "UPDATE client SET name = ?2, tags = ?3, not_before = ?4, not_after = ?5, metadata = ?6, "
       "revoked = ?7 WHERE key = ?1"},
      {&scan, find + "WHERE id > ?1 ORDER BY id LIMIT ?2"},
      {&forget,
       "DELETE FROM change WHERE sequence < (SELECT max(sequence) FROM change) AND "
       "sequence < (SELECT min(sequence) FROM change) + ?1 AND "
       "time_ms < (julianday('now') - 2440587.5) * 86400000.0 - ?2"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared) return tl::unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return {};
}

sqlite::Outcome<void> Store::Connection::make_if_blank(Mode mode, const std::string& path) {
  const auto kind_of_transaction =
      mode == Mode::kCreate ? Transaction::Kind::kWrite : Transaction::Kind::kRead;
  auto begun = Transaction::begin(database, kind_of_transaction);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  const auto kind = identify_store(database);
  if (!kind) return tl::unexpected(kind.error());
  const auto refuse = [&path](const char* what, const char* remedy) {
    return tl::unexpected<sqlite::Failure>(
        sqlite::Failure{.fault = sqlite::Fault::kNotADatabase,
                        .error = {.what = what, .where = path, .remedy = remedy}});
  };
  if (*kind == StoreKind::kSomethingElse) {
    return refuse("a database, but not a store of clients", "name the store, or another file");
  }
  if (*kind == StoreKind::kNewerStore) {
    return refuse("a store of a version that is not known here", "use a newer pssst");
  }
  if (*kind == StoreKind::kNothing) {
    if (mode != Mode::kCreate) {
      return refuse("an empty database", "pssst identity enrol and import make a store of it");
    }
    auto made = make_store(database);
    if (!made) return made;
  }
  return begun->commit();
}

sqlite::Outcome<bool> Store::Connection::has_room(const ClientRecord& record) {
  if (record.revoked || record.name.empty()) return true;
  others_of_name.reset()
      .bind(1, std::string_view(record.name))
      .bind(2, std::span<const std::uint8_t>(record.key));
  auto row = others_of_name.step();
  if (!row) return row;
  const bool room = others_of_name.number(0) < static_cast<std::int64_t>(kKeysPerClientMax);
  others_of_name.reset();
  return room;
}

sqlite::Outcome<bool> Store::Connection::read(const PublicKey& key, ClientRecord& record) {
  find_key.reset().bind(1, std::span<const std::uint8_t>(key));
  auto row = find_key.step();
  if (row && *row) record = record_of(find_key);
  find_key.reset();
  return row;
}

sqlite::Outcome<Store::Answer> Store::Connection::apply(const ClientUpdate& update_of) {
  ClientRecord before;
  before.key = update_of.key;
  const auto known = read(update_of.key, before);
  if (!known) return tl::unexpected(known.error());
  const ClientRecord after = updated(before, update_of);
  if (*known && same(before, after)) return Answer::kSame;
  if (after.not_before > after.not_after) return Answer::kEmptyWindow;
  const auto room = has_room(after);
  if (!room) return tl::unexpected(room.error());
  if (!*room) return Answer::kTooManyKeys;
  auto written = bind_record(*known ? update : insert, after).run();
  if (!written) return tl::unexpected(std::move(written.error()));
  return *known ? Answer::kChanged : Answer::kAdded;
}

sqlite::Outcome<std::vector<ClientRecord>> Store::Connection::read_some(std::int64_t& after) {
  std::vector<ClientRecord> records;
  scan.reset().bind(1, after).bind(2, kScanRows);
  for (;;) {
    const auto row = scan.step();
    if (!row || !*row) {
      scan.reset();
      if (!row) return tl::unexpected(row.error());
      return records;
    }
    after = scan.number(0);
    records.push_back(record_of(scan));
  }
}

Store::Store(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

base::Result<Store> Store::open(const std::string& path, Mode mode,
                                std::chrono::milliseconds patience) {
  if (const auto seen = look_at_store(path); !seen) {
    const bool none = seen.error().alarm == FollowerAlarm::kGone;
    if (!none || mode != Mode::kCreate) {
      base::Error error = seen.error().error;
      if (none) error.remedy = "name a store; pssst identity enrol and import make one";
      return tl::unexpected(std::move(error));
    }
  }
  auto database = Database::open(
      path, mode == Mode::kCreate ? Database::Mode::kCreate : Database::Mode::kWrite, patience);
  if (!database) return tl::unexpected(std::move(database.error().error));
  const bool writable = database->writable();
  if (mode != Mode::kRead && !writable) {
    return base::fail("the store may not be written", path, "run as a user who may write it");
  }
  auto connection = std::make_unique<Connection>(std::move(*database));
  if (writable) {
    auto set = connection->database.execute(kWriterSettings);
    if (!set) return tl::unexpected(std::move(set.error().error));
  }
  auto made = connection->make_if_blank(mode, path);
  if (!made) return tl::unexpected(std::move(made.error().error));
  auto prepared = connection->prepare();
  if (!prepared) return tl::unexpected(std::move(prepared.error().error));
  return Store(std::move(connection));
}

base::Result<void> Store::begin() {
  auto begun = Transaction::begin(connection_->database, Transaction::Kind::kWrite);
  if (!begun) return tl::unexpected(std::move(begun.error().error));
  connection_->transaction.emplace(std::move(*begun));
  return {};
}

base::Result<void> Store::commit() {
  auto forgotten =
      connection_->forget.reset().bind(1, kChangesForgotten).bind(2, kChangesKeptMs).run();
  if (forgotten) forgotten = connection_->transaction->commit();
  connection_->transaction.reset();
  return plain(std::move(forgotten));
}

void Store::rollback() noexcept {
  connection_->transaction.reset();
}

base::Result<Store::Answer> Store::apply(const ClientUpdate& update) {
  auto answer = connection_->apply(update);
  if (!answer) rollback();
  return plain(std::move(answer));
}

base::Result<std::optional<ClientRecord>> Store::find(const PublicKey& key) {
  ClientRecord record;
  auto found = connection_->read(key, record);
  if (!found) return tl::unexpected(std::move(found.error().error));
  if (!*found) return std::nullopt;
  return record;
}

base::Result<std::vector<ClientRecord>> Store::find_named(std::string_view name) {
  Statement& statement = connection_->find_name;
  std::vector<ClientRecord> records;
  statement.reset().bind(1, name);
  auto row = statement.step();
  for (; row && *row; row = statement.step()) records.push_back(record_of(statement));
  statement.reset();
  if (!row) return tl::unexpected(std::move(row.error().error));
  return records;
}

base::Result<void> Store::scan(const std::function<bool(const ClientRecord&)>& sink) {
  std::int64_t after = -1;
  for (;;) {
    auto records = connection_->read_some(after);
    if (!records) return tl::unexpected(std::move(records.error().error));
    if (records->empty()) return {};
    for (const ClientRecord& record : *records) {
      if (!sink(record)) return {};
    }
  }
}

base::Result<Store::Summary> Store::summary() {
  const auto clients = connection_->database.number_of("SELECT count(*) FROM client");
  if (!clients) return tl::unexpected(clients.error().error);
  const auto sequence = connection_->database.number_of("SELECT max(sequence) FROM change");
  if (!sequence) return tl::unexpected(sequence.error().error);
  return Summary{.clients = *clients, .sequence = *sequence};
}

base::Error refusal_error(Store::Answer answer) {
  if (answer == Store::Answer::kTooManyKeys) {
    return {.what = std::to_string(kKeysPerClientMax) + " other keys of this name are enrolled",
            .where = {},
            .remedy = "revoke one of them first"};
  }
  return {.what = "it ends (not-after) before it begins (not-before)",
          .where = {},
          .remedy = "exchange the two, or leave one out"};
}

}  // namespace pssst::identity
