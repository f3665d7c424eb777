#include "identity/sqlite.hpp"

#include <sqlite3.h>

#include <thread>
#include <utility>

namespace pssst::identity::sqlite {
namespace {

Fault fault_of(int code) noexcept {
  if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY) {
    return Fault::kBrokenOff;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Fault::kBusy;
    case SQLITE_CORRUPT:
      return Fault::kCorrupt;
    case SQLITE_IOERR:
      return code == SQLITE_IOERR_SHORT_READ ? Fault::kCorrupt : Fault::kOther;
    case SQLITE_NOTADB:
      return Fault::kNotADatabase;
    case SQLITE_FULL:
      return Fault::kFull;
    case SQLITE_READONLY:
      return Fault::kReadOnly;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return Fault::kCannotOpen;
    default:
      return Fault::kOther;
  }
}

const char* remedy_for(Fault fault) noexcept {
  switch (fault) {
    case Fault::kBusy:
      return "try again, or end the process that keeps it locked";
    case Fault::kCorrupt:
    case Fault::kNotADatabase:
      return "put back a copy of the store";
    case Fault::kFull:
      return "make room, then do it again: nothing of the last step was written";
    case Fault::kReadOnly:
      return "run as a user who may write the store and its directory";
    case Fault::kBrokenOff:
      return "a writer was killed: run pssst identity list as a user who may write the store";
    case Fault::kCannotOpen:
      return "name a store in a directory that you may read and write";
    case Fault::kOther:
      return "";
  }
  return "";
}

tl::unexpected<Failure> failure(int code, const std::string& text, const std::string& where) {
  const Fault fault = fault_of(code);
  return tl::unexpected<Failure>(
      Failure{.fault = fault,
              .error = {.what = "SQLite: " + text, .where = where, .remedy = remedy_for(fault)}});
}

tl::unexpected<Failure> failure(sqlite3* database, const std::string& where) {
  return failure(sqlite3_extended_errcode(database), sqlite3_errmsg(database), where);
}

}  // namespace

Statement& Statement::reset() noexcept {
  // A failure of the step before is told again here.
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_code_ = SQLITE_OK;
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t value) noexcept {
  note(sqlite3_bind_int64(statement_.get(), parameter, value));
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) noexcept {
  note(sqlite3_bind_text64(statement_.get(), parameter, text.data() == nullptr ? "" : text.data(),
                           text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(int parameter, std::span<const std::uint8_t> bytes) noexcept {
  // A null pointer would bind NULL.
  note(bytes.empty() ? sqlite3_bind_zeroblob(statement_.get(), parameter, 0)
                     : sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(),
                                           SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null(int parameter) noexcept {
  note(sqlite3_bind_null(statement_.get(), parameter));
  return *this;
}

Outcome<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) return failure(bind_code_, sqlite3_errstr(bind_code_), where_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()), where_);
}

Outcome<void> Statement::run() {
  for (;;) {
    const Outcome<bool> row = step();
    if (row && *row) continue;
    reset();
    if (!row) return tl::unexpected(row.error());
    return {};
  }
}

bool Statement::is_null(int column) const noexcept {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::number(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const noexcept {
  const auto* const text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::span<const std::uint8_t> Statement::bytes(int column) const noexcept {
  const void* const bytes = sqlite3_column_blob(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const std::uint8_t*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Database::Database(std::string path, std::chrono::milliseconds patience)
    : path_(std::move(path)),
      patience_(std::make_unique<Patience>(Patience{.at_most = patience, .since = {}})) {}

void Database::Closer::operator()(sqlite3* database) const noexcept {
  // With statements left it is closed after the last of them.
  sqlite3_close_v2(database);
}

int Database::wait_for_lock(void* patience, int count) noexcept {
  auto& wait = *static_cast<Patience*>(patience);
  const auto now = std::chrono::steady_clock::now();
  if (count == 0) wait.since = now;
  if (now - wait.since >= wait.at_most) return 0;
  // SQLite's own handler sleeps up to 100 ms, and misses the gaps between a long import's
  // transactions.
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return 1;
}

Outcome<Database> Database::open(const std::string& path, Mode mode,
                                 std::chrono::milliseconds patience) {
  Database database(path, patience);
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::kCreate) flags |= SQLITE_OPEN_CREATE;
  sqlite3* opened = nullptr;
  // An empty name, or one that begins with a colon, would be no file.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  const int code = sqlite3_open_v2(name.c_str(), &opened, flags, nullptr);
  database.database_.reset(opened);
  if (opened == nullptr) return failure(code, sqlite3_errstr(code), path);
  if (code != SQLITE_OK) return failure(opened, path);
  sqlite3_busy_handler(opened, wait_for_lock, database.patience_.get());
  // A mapped file that is truncated would be a signal.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const auto set = database.execute(
      "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON");
  if (!set) return tl::unexpected(set.error());
  return database;
}

Outcome<void> Database::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(database_.get(), path_);
  }
  return {};
}

Outcome<Statement> Database::prepare(std::string_view sql) {
  Statement statement;
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  statement.statement_.reset(prepared);
  statement.where_ = path_;
  if (code != SQLITE_OK) return failure(database_.get(), path_);
  return statement;
}

Outcome<std::int64_t> Database::number_of(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return tl::unexpected(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return tl::unexpected(std::move(row.error()));
  return *row ? statement->number(0) : 0;
}

std::int64_t Database::changes() const noexcept {
  return sqlite3_changes64(database_.get());
}

bool Database::writable() const noexcept {
  return sqlite3_db_readonly(database_.get(), "main") == 0;
}

bool Database::in_transaction() const noexcept {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

void Database::forget_pages() noexcept {
  sqlite3_db_release_memory(database_.get());
}

Outcome<Transaction> Transaction::begin(Database& database, Kind kind) {
  auto begun = database.execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!begun) return tl::unexpected(std::move(begun.error()));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // After some failures SQLite has rolled back already.
  if (database_ != nullptr && database_->in_transaction()) {
    static_cast<void>(database_->execute("ROLLBACK"));
  }
}

Outcome<void> Transaction::commit() {
  auto committed = database_->execute("COMMIT");
  if (!committed) return tl::unexpected(std::move(committed.error()));
  database_ = nullptr;
  return {};
}

}  // namespace pssst::identity::sqlite
