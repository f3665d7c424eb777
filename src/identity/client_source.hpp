/// Where the follower learns who is enrolled.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/error.hpp"
#include "identity/table_shard.hpp"

namespace pssst::identity {

/// Why the follower does not follow.
enum class FollowerAlarm : std::uint8_t {
  kNone = 0,
  kLocked,        ///< another process keeps the store locked
  kTruncated,     ///< the file is shorter than it says, or torn
  kNotADatabase,  ///< it is something else, or of a version that is not known here
  kReplaced,      ///< by another store, or an older copy; it is being loaded
  kGone,          ///< there is no file
  kUnreadable,    ///< the system does not let it be read
  kNoRoom,        ///< it holds more than the table, or memory, can
};

/// A word, for metrics and status.
[[nodiscard]] std::string_view to_string(FollowerAlarm alarm) noexcept;

struct SourceError {
  FollowerAlarm alarm = FollowerAlarm::kUnreadable;
  base::Error error;
};
template <class T>
using SourceResult = tl::expected<T, SourceError>;

/// A place in the history of a store. Of two, the later follows from the earlier by the changes
/// between, or the source says kReplaced.
struct SourcePosition {
  std::string store;          ///< its name, which no other store has
  std::int64_t sequence = 0;  ///< of the newest change; 0: none yet
  std::int64_t time_ms = 0;   ///< when that was made, since 1970
  std::string change;         ///< what tells it from another change of that number
};

/// One change: the record as it is after it or later, or its end.
struct SourceChange {
  Enrolment client;
  bool removed = false;
};

/// Used by one thread.
class ClientSource {
 public:
  ClientSource() = default;
  ClientSource(const ClientSource&) = delete;
  ClientSource& operator=(const ClientSource&) = delete;
  virtual ~ClientSource() = default;

  /// Called for each record or change; false: enough. Spans are valid during the call.
  using RecordSink = std::function<bool(const Enrolment&)>;
  using ChangeSink = std::function<bool(const SourceChange&)>;

  /// How much a load is about to give.
  struct Extent {
    std::uint64_t records = 0;
    std::uint64_t metadata_bytes = 0;
  };
  /// All records, and a position: each record as it is at that or later, and the changes since
  /// come, once more perhaps, with follow(). `begin` is told the extent, which may be rough, before
  /// the first.
  virtual SourceResult<SourcePosition> load(const std::function<void(const Extent&)>& begin,
                                            const RecordSink& sink) = 0;

  /// The changes after `from`, oldest first, and the position behind the last that was given; at
  /// most `limit` of them. A change may tell the record as a later change left it, which comes
  /// again. The error kReplaced, before anything is given, if what is there now does
  /// not follow from `from`.
  virtual SourceResult<SourcePosition> follow(const SourcePosition& from, std::size_t limit,
                                              const ChangeSink& sink) = 0;
};

}  // namespace pssst::identity
