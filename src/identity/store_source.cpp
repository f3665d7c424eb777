#include "identity/store_source.hpp"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "identity/store_schema.hpp"

namespace pssst::identity {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

/// A file that was last written so long ago is not being written.
constexpr std::chrono::milliseconds kSettled{100};

/// Records that are asked how long their metadata are, to guess how much memory all will need.
constexpr std::int64_t kSample = 256;

std::span<const std::uint8_t> first_of(
    const std::array<std::uint8_t, kClientMetadataSizeMax>& metadata, std::size_t size) noexcept {
  return std::span(metadata).first(size);
}

}  // namespace

StoreSource::StoreSource(std::string path, std::chrono::milliseconds patience)
    : path_(std::move(path)), patience_(patience) {}

StoreSource::~StoreSource() = default;

SourceResult<SourcePosition> StoreSource::load(const std::function<void(const Extent&)>& begin,
                                               const RecordSink& sink) {
  await_settled();
  SourcePosition position;
  Extent extent;
  std::int64_t after = std::numeric_limits<std::int64_t>::min();
  auto looked = look([&]() -> Found {
    auto found = read_position(position);
    if (found) found = read_extent(extent);
    if (found) found = read_records(after);
    return found;
  });
  if (!looked) return tl::unexpected(std::move(looked.error()));
  begin(extent);
  while (!rows_.empty()) {
    for (Row& row : rows_) {
      row.change.client.metadata = first_of(row.metadata, row.metadata_size);
      if (!sink(row.change.client)) return position;
    }
    looked = look([&]() -> Found {
      // Half of one store and half of another would be neither.
      auto found = check_history(position);
      if (found && *found == Finding::kGood) found = read_records(after);
      return found;
    });
    if (!looked) return tl::unexpected(std::move(looked.error()));
  }
  return position;
}

SourceResult<SourcePosition> StoreSource::follow(const SourcePosition& from, std::size_t limit,
                                                 const ChangeSink& sink) {
  SourcePosition position = from;
  auto looked = look([&]() -> Found {
    auto found = check_history(from);
    if (found && *found == Finding::kGood) found = read_changes(limit, position);
    return found;
  });
  if (!looked) return tl::unexpected(std::move(looked.error()));
  for (Row& row : rows_) {
    row.change.client.metadata = first_of(row.metadata, row.metadata_size);
    if (!sink(row.change)) break;
  }
  return position;
}

void StoreSource::await_settled() const {
  // A write without locks that is under way has changed the time of the file already, and cannot be
  // told from one that is done. Writers that write all the time heed locks, it is to be hoped.
  constexpr std::chrono::milliseconds kPause{20};
  constexpr int kPauses = 100;
  for (int i = 0; i < kPauses; ++i) {
    const auto stamp = stamp_file(path_);
    if (!stamp) return;
    const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
    const std::chrono::nanoseconds age = now - std::chrono::nanoseconds(stamp->written_ns);
    if (age < std::chrono::nanoseconds(0) || age >= kSettled) return;
    std::this_thread::sleep_for(kPause);
  }
}

SourceResult<void> StoreSource::connect() {
  // If it is replaced just now, one or the other is open: which, nobody knows.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    if (auto connected = try_connect(); !connected) return connected;
    if (connection_) return {};
  }
  return tl::unexpected(explain(Finding::kUnsettled));
}

SourceResult<void> StoreSource::try_connect() {
  auto seen = look_at_store(path_);
  if (!seen) {
    connection_.reset();
    return tl::unexpected(std::move(seen.error()));
  }
  if (connection_ && connection_->file == *seen) return {};
  connection_.reset();
  auto database = Database::open(path_, Database::Mode::kRead, patience_);
  if (!database) return tl::unexpected(explain(database.error()));
  auto opened = identify_file(path_);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  if (*opened != *seen) return {};
  connection_ = std::make_unique<Connection>(std::move(*database));
  connection_->file = *seen;
  return {};
}

sqlite::Outcome<void> StoreSource::prepare() {
  Connection& c = *connection_;
  if (c.prepared) return {};
  const std::pair<Statement*, std::string_view> statements[] = {
      {&c.name, "SELECT name FROM store"},
      {&c.last_change,
       "SELECT sequence, time_ms, token FROM change ORDER BY sequence DESC LIMIT 1"},
      {&c.first_change, "SELECT sequence FROM change ORDER BY sequence LIMIT 1"},
      {&c.change_at, "SELECT token FROM change WHERE sequence = ?1"},
      {&c.records,
       "SELECT id, key, not_before, not_after, metadata, revoked FROM client "
       "WHERE id > ?1 ORDER BY id LIMIT ?2"},
      {&c.record_near, "SELECT length(metadata) FROM client WHERE id >= ?1 ORDER BY id LIMIT 1"},
      {&c.changes,
       "SELECT change.sequence, change.time_ms, change.token, client.id, change.key, "
       "client.not_before, client.not_after, client.metadata, client.revoked "
       "FROM change LEFT JOIN client ON client.key = change.key "
       "WHERE change.sequence > ?1 ORDER BY change.sequence LIMIT ?2"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = c.database.prepare(sql);
    if (!prepared) return tl::unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  c.prepared = true;
  return {};
}

SourceResult<void> StoreSource::look(const std::function<Found()>& read) {
  rows_.clear();
  if (auto connected = connect(); !connected) return connected;
  const Found found = run(read);
  if (found && *found == Finding::kGood) return {};
  SourceError error = found ? explain(*found) : explain(found.error());
  rows_.clear();
  if (error.alarm != FollowerAlarm::kLocked) connection_.reset();
  return tl::unexpected(std::move(error));
}

StoreSource::Found StoreSource::run(const std::function<Found()>& read) {
  Connection& c = *connection_;
  // A file that was written over by another program may look unchanged to SQLite's cache.
  c.database.forget_pages();
  auto transaction = Transaction::begin(c.database, Transaction::Kind::kRead);
  if (!transaction) return tl::unexpected(std::move(transaction.error()));
  const auto kind = identify_store(c.database);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == StoreKind::kNewerStore) return Finding::kNewerStore;
  if (*kind != StoreKind::kStore) return Finding::kNoStore;
  // From here on no process writes that heeds locks. One that does not, a copy over the file, a
  // truncation, may leave pages of which SQLite makes records that nobody ever wrote.
  const auto before = stamp_file(path_);
  if (!before || before->identity != c.file) return Finding::kUnsettled;
  if (auto whole = check_whole(before->size); !whole || *whole != Finding::kGood) return whole;
  if (auto prepared = prepare(); !prepared) return tl::unexpected(std::move(prepared.error()));
  auto found = read();
  if (stamp_file(path_) != before) found = Finding::kUnsettled;
  for (Statement* statement : {&c.name, &c.last_change, &c.first_change, &c.change_at, &c.records,
                               &c.record_near, &c.changes}) {
    statement->reset();
  }
  return found;
}

SourceError StoreSource::explain(Finding finding) const {
  const auto error = [this](FollowerAlarm alarm, const char* what, const char* remedy) {
    return SourceError{.alarm = alarm, .error = {.what = what, .where = path_, .remedy = remedy}};
  };
  if (finding == Finding::kReplaced) {
    return error(FollowerAlarm::kReplaced,
                 "another store, or another history of it, is in its place",
                 "wait: it is being loaded");
  }
  if (finding == Finding::kUnsettled) {
    return error(FollowerAlarm::kTruncated, "the store was written over while it was read",
                 "put a store in its place by renaming it");
  }
  // SQLite takes an empty file for an empty database.
  const auto stamp = stamp_file(path_);
  if (finding == Finding::kTruncated || (stamp && stamp->size == 0)) {
    return error(FollowerAlarm::kTruncated, "the store is truncated", "put back a copy of it");
  }
  if (finding == Finding::kNewerStore) {
    return error(FollowerAlarm::kNotADatabase, "a store of a version that is not known here",
                 "use a newer pssstd, or put back a copy");
  }
  return error(FollowerAlarm::kNotADatabase, "a database, but not a store of clients",
               "put the store in its place");
}

SourceError StoreSource::explain(const sqlite::Failure& failure) const {
  using sqlite::Fault;
  if (failure.fault == Fault::kBusy) {
    return {.alarm = FollowerAlarm::kLocked,
            .error = {.what = "another process keeps the store locked",
                      .where = path_,
                      .remedy = "wait for it, or end it"}};
  }
  SourceError error = explain_failure(path_, failure.error);
  if (error.alarm != FollowerAlarm::kUnreadable) return error;
  if (failure.fault == Fault::kCorrupt) error.alarm = FollowerAlarm::kTruncated;
  if (failure.fault == Fault::kNotADatabase) error.alarm = FollowerAlarm::kNotADatabase;
  return error;
}

StoreSource::Found StoreSource::check_whole(std::int64_t size) {
  const auto whole = size_in_pages();
  if (!whole) return tl::unexpected(whole.error());
  return size < *whole ? Finding::kTruncated : Finding::kGood;
}

sqlite::Outcome<std::int64_t> StoreSource::size_in_pages() {
  auto pages = connection_->database.number_of("PRAGMA page_count");
  if (!pages) return pages;
  auto page_size = connection_->database.number_of("PRAGMA page_size");
  if (!page_size) return page_size;
  return *pages * *page_size;
}

sqlite::Outcome<std::string> StoreSource::read_name() {
  Statement& statement = connection_->name.reset();
  auto row = statement.step();
  if (!row) return tl::unexpected(std::move(row.error()));
  return std::string(*row ? statement.text(0) : "");
}

StoreSource::Found StoreSource::read_position(SourcePosition& position) {
  auto name = read_name();
  if (!name) return tl::unexpected(std::move(name.error()));
  position = {};
  position.store = std::move(*name);
  Statement& statement = connection_->last_change.reset();
  auto row = statement.step();
  if (!row) return tl::unexpected(std::move(row.error()));
  if (!*row) return Finding::kGood;
  position.sequence = statement.number(0);
  position.time_ms = statement.number(1);
  position.change = std::to_string(statement.number(2));
  return Finding::kGood;
}

StoreSource::Found StoreSource::read_extent(Extent& extent) {
  // Counting them would read all of the file; the newest's number is more than there are only by
  // those that were removed.
  const auto newest = connection_->database.number_of("SELECT max(id) FROM client");
  if (!newest) return tl::unexpected(newest.error());
  if (*newest <= 0) return Finding::kGood;
  std::int64_t bytes = 0;
  const std::int64_t samples = std::min(kSample, *newest);
  Statement& statement = connection_->record_near;
  for (std::int64_t i = 0; i < samples; ++i) {
    auto row = statement.reset().bind(1, *newest / samples * i).step();
    if (!row) return tl::unexpected(std::move(row.error()));
    // One for the length, where there are any.
    if (*row && statement.number(0) > 0) bytes += statement.number(0) + 1;
  }
  // Whatever number somebody gave it.
  const auto file_size = size_in_pages();
  if (!file_size) return tl::unexpected(file_size.error());
  extent.records = static_cast<std::uint64_t>(
      std::min(*newest, *file_size / static_cast<std::int64_t>(kKeySize)));
  extent.metadata_bytes = static_cast<std::uint64_t>(bytes / samples) * extent.records;
  return Finding::kGood;
}

StoreSource::Found StoreSource::check_history(const SourcePosition& from) {
  const auto name = read_name();
  if (!name) return tl::unexpected(name.error());
  if (*name != from.store) return Finding::kReplaced;
  if (from.sequence == 0) {
    Statement& first = connection_->first_change.reset();
    auto row = first.step();
    if (!row) return tl::unexpected(std::move(row.error()));
    return !*row || first.number(0) == 1 ? Finding::kGood : Finding::kReplaced;
  }
  Statement& statement = connection_->change_at.reset().bind(1, from.sequence);
  auto row = statement.step();
  if (!row) return tl::unexpected(std::move(row.error()));
  const bool there = *row && std::to_string(statement.number(0)) == from.change;
  return there ? Finding::kGood : Finding::kReplaced;
}

StoreSource::Found StoreSource::corrupt(const char* what) const {
  return tl::unexpected<sqlite::Failure>(sqlite::Failure{
      .fault = sqlite::Fault::kCorrupt,
      .error = {.what = what, .where = path_, .remedy = "put back a copy of the store"}});
}

StoreSource::Found StoreSource::read_client(const Statement& row, int first, Row& client) const {
  Enrolment& enrolment = client.change.client;
  const auto key = row.bytes(first);
  const auto metadata = row.bytes(first + 3);
  if (key.size() != enrolment.key.size() || metadata.size() > client.metadata.size()) {
    return corrupt("a row that a store cannot have");
  }
  std::ranges::copy(key, enrolment.key.begin());
  if (!row.is_null(first + 1)) enrolment.not_before = row.number(first + 1);
  if (!row.is_null(first + 2)) enrolment.not_after = row.number(first + 2);
  std::ranges::copy(metadata, client.metadata.begin());
  client.metadata_size = metadata.size();
  enrolment.revoked = row.number(first + 4) != 0;
  return Finding::kGood;
}

StoreSource::Found StoreSource::read_records(std::int64_t& after) {
  rows_.clear();
  Statement& statement = connection_->records.reset().bind(1, after).bind(2, kLoadRows);
  for (;;) {
    auto row = statement.step();
    if (!row) return tl::unexpected(std::move(row.error()));
    if (!*row) return Finding::kGood;
    // Pages that lead to each other would be read for ever.
    if (statement.number(0) <= after) return corrupt("records that come again");
    after = statement.number(0);
    auto read = read_client(statement, 1, rows_.emplace_back());
    if (!read) return read;
  }
}

StoreSource::Found StoreSource::read_changes(std::size_t limit, SourcePosition& position) {
  rows_.clear();
  Statement& statement = connection_->changes.reset()
                             .bind(1, position.sequence)
                             .bind(2, static_cast<std::int64_t>(limit));
  for (;;) {
    auto row = statement.step();
    if (!row) return tl::unexpected(std::move(row.error()));
    if (!*row) return Finding::kGood;
    if (statement.number(0) <= position.sequence) return corrupt("changes that come again");
    auto read = read_client(statement, 4, rows_.emplace_back());
    if (!read) return read;
    rows_.back().change.removed = statement.is_null(3);
    position.sequence = statement.number(0);
    position.time_ms = statement.number(1);
    position.change = std::to_string(statement.number(2));
  }
}

}  // namespace pssst::identity
