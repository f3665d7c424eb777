/// The table of enrolled clients that changes while workers read it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "identity/table_shard.hpp"

namespace pssst::identity {

/// Exact 32-byte match. Any number of readers, without locks; one writer. A change is one record
/// written beside the others and one slot stored: nothing is copied. What was there before is
/// retired, and its memory taken back by reclaim() after a grace period (base/quiescence.hpp). A
/// shard that is full is copied, alone, into a larger one.
///
/// Chosen by measurement (bench/identity/table_bench, 10 million clients, 58 bytes each, a virtual
/// Zen 5): a change in place costs 0.3 to 0.8 microseconds. A change that copies its shard costs
/// 300 with 4096 shards and 30 with 65536, whose heads alone would fill a second cache; a thousand
/// changes all over the table copy a good part of it. A small table before a large immutable one
/// makes every burst slower, by a quarter for known clients and a third for strangers, and has to
/// be merged at times, with the memory of both. In place, 64 shards are enough, large ones, whose
/// huge pages spare lookups most misses of the TLB.
///
/// Memory: a record is 32 bytes, 8 more if the client is not served at all times, and its metadata
/// with one byte for their length, rounded up to 8; a slot is 4 bytes, 6 of 10 in use at most; of
/// each a shard has up to a quarter to spare. A revoked client takes 32 bytes and its slot.
///
/// Variable time: client public keys are public.
class ShardedTable {
 public:
  static constexpr unsigned kShardBits = 6;
  static constexpr std::size_t kShards = std::size_t{1} << kShardBits;

  /// Draws a hash seed of its own. Throws std::bad_alloc, as all that the writer calls does.
  ShardedTable();
  ShardedTable(const ShardedTable&) = delete;
  ShardedTable& operator=(const ShardedTable&) = delete;
  ~ShardedTable();

  // For readers.

  /// As ClientLookup::find(), at `now`. Metadata stay where they are until the reader's next
  /// quiescent point.
  void find(std::span<const std::uint8_t* const> keys, std::int64_t now,
            std::span<FoundClient> found) const noexcept;

  /// A place between clients.
  struct Cursor {
    std::size_t shard = 0;
    std::size_t slot = 0;
  };
  /// The next clients that are served at `now`, from `cursor` on; fewer than `clients` has room for
  /// at the end, or where many in a row are not served: only if at_end(cursor) all have been seen.
  /// Clients that come meanwhile may be left out, and those of a shard that grows as well.
  std::size_t walk(Cursor& cursor, std::int64_t now, std::span<Identity> clients) const noexcept;
  [[nodiscard]] static bool at_end(const Cursor& cursor) noexcept {
    return cursor.shard == kShards;
  }

  // For the writer.

  using Change = TableShard::Change;
  /// Room for so many clients with so many bytes of metadata in all.
  void reserve(std::size_t clients, std::size_t metadata_bytes);
  /// Adds the client or replaces what was enrolled under this key. kNoRoom: its shard holds as much
  /// as a shard can, 32 MB, which is a matter of more than 50 million clients.
  Change put(const Enrolment& client);
  Change remove(const PublicKey& key);

  /// Whether something waits for reclaim().
  [[nodiscard]] bool has_retired() const noexcept { return !writer_->retired.empty(); }
  /// Takes back all that is retired: a whole grace period has passed since the last change, or the
  /// table has no readers yet.
  void reclaim() noexcept;

  [[nodiscard]] std::size_t size() const noexcept;  ///< with the revoked
  [[nodiscard]] std::size_t revoked() const noexcept;
  /// Bytes, of all that readers see.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  static std::size_t shard_of(std::uint64_t hash) noexcept {
    return static_cast<std::size_t>(hash >> (64 - kShardBits));
  }

  /// On cache lines of its own: what the writer stores must not slow readers.
  struct Writer {
    std::vector<std::unique_ptr<TableShard>> shards;
    std::vector<TableShard::Retired> retired;
  };

  alignas(64) std::array<std::atomic<const ShardView*>, kShards> views_{};
  HashSeed seed_{};
  std::unique_ptr<Writer> writer_;
};

}  // namespace pssst::identity
