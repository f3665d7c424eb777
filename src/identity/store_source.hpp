/// The store as the server follows it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "identity/client_source.hpp"
#include "identity/sqlite.hpp"
#include "identity/store_file.hpp"

namespace pssst::identity {

/// Reads, and never writes: it can be used by a user who may do no more. The file is looked at anew
/// each time, by its name: if another has been put in its place, that one is opened, and followed
/// on from where the old one was if it is a copy of it in which as much or more has happened.
///
/// Everything is read in steps, each in a transaction of its own of some ten milliseconds, for
/// which writers wait. While a load goes on, records change: those changes come again with
/// follow().
class StoreSource final : public ClientSource {
 public:
  /// Records of a load that are read at a time.
  static constexpr std::int64_t kLoadRows = 16384;

  /// `patience`: how long it waits for a writer; a commit takes some milliseconds.
  explicit StoreSource(std::string path,
                       std::chrono::milliseconds patience = std::chrono::milliseconds(100));
  ~StoreSource() override;

  SourceResult<SourcePosition> load(const std::function<void(const Extent&)>& begin,
                                    const RecordSink& sink) override;
  SourceResult<SourcePosition> follow(const SourcePosition& from, std::size_t limit,
                                      const ChangeSink& sink) override;

 private:
  struct Connection {
    explicit Connection(sqlite::Database opened) : database(std::move(opened)) {}

    FileIdentity file;
    sqlite::Database database;
    bool prepared = false;
    sqlite::Statement name;
    sqlite::Statement last_change;
    sqlite::Statement first_change;
    sqlite::Statement change_at;
    sqlite::Statement records;
    sqlite::Statement record_near;
    sqlite::Statement changes;
  };
  enum class Finding : std::uint8_t {
    kGood,
    kNoStore,
    kNewerStore,
    kTruncated,
    kUnsettled,
    kReplaced
  };
  using Found = sqlite::Outcome<Finding>;
  /// A record or change; its metadata's span is set when it is given away.
  struct Row {
    SourceChange change;
    std::array<std::uint8_t, kClientMetadataSizeMax> metadata{};
    std::size_t metadata_size = 0;
  };

  /// Waits until the file has not been written for a moment, or not for long.
  void await_settled() const;
  /// Sees to it that what is open is what the path names.
  SourceResult<void> connect();
  /// Nothing is open, without an error, if it was replaced meanwhile.
  SourceResult<void> try_connect();
  sqlite::Outcome<void> prepare();
  /// Runs `read` in a transaction on a store. After a failure other than of patience the file is
  /// opened anew the next time.
  SourceResult<void> look(const std::function<Found()>& read);
  Found run(const std::function<Found()>& read);
  [[nodiscard]] SourceError explain(const sqlite::Failure& failure) const;
  [[nodiscard]] SourceError explain(Finding finding) const;

  // Within a transaction.
  /// That the file is as long as it says, which SQLite checks by pages.
  Found check_whole(std::int64_t size);
  sqlite::Outcome<std::int64_t> size_in_pages();
  sqlite::Outcome<std::string> read_name();
  Found read_position(SourcePosition& position);
  Found read_extent(Extent& extent);
  /// kReplaced if what is there does not follow from `from`.
  Found check_history(const SourcePosition& from);
  /// To rows_; the place of the last.
  Found read_records(std::int64_t& after);
  Found read_changes(std::size_t limit, SourcePosition& position);
  [[nodiscard]] Found corrupt(const char* what) const;
  /// key, not_before, not_after, metadata, revoked from column `first` on.
  Found read_client(const sqlite::Statement& row, int first, Row& client) const;

  const std::string path_;
  const std::chrono::milliseconds patience_;
  std::unique_ptr<Connection> connection_;
  std::vector<Row> rows_;
};

}  // namespace pssst::identity
