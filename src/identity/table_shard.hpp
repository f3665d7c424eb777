/// One shard of the table of enrolled clients: records of 32 to 112 bytes, and slots that point to
/// them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "identity/key_hash.hpp"
#include "identity/pages.hpp"
#include "pssst/handler.hpp"
#include "pssst/server.hpp"

namespace pssst::identity {

/// A client as the table takes it.
struct Enrolment {
  /// Ends of time: no bound. Whole seconds since 1970.
  static constexpr std::int64_t kAlways = INT64_MIN;
  static constexpr std::int64_t kForever = INT64_MAX;

  PublicKey key{};
  std::int64_t not_before = kAlways;  ///< served from this second on
  std::int64_t not_after = kForever;  ///< and up to this one, inclusive
  bool revoked = false;
  std::span<const std::uint8_t> metadata{};  ///< at most kClientMetadataSizeMax bytes
};

/// What readers see of a shard. One writer changes it in place, a slot at a time; when it is full
/// the writer makes another and publishes that instead.
///
/// A slot is 32 bits: the record's place, what the record holds beside the key, and seven bits of
/// the key's hash, so that the record of another key is hardly ever looked at. The hash alone
/// decides at which slot the search for a key begins; it ends at a free slot, or after kProbeMax.
/// A record does not change while a slot points to it.
class ShardView {
 public:
  static constexpr std::size_t kProbeMax = 128;
  static constexpr std::size_t kUnit = 8;  ///< bytes; records begin at multiples of it
  /// Key, not-before and not-after, length of the metadata, metadata.
  static constexpr std::size_t kRecordSizeMax = kKeySize + 8 + 1 + kClientMetadataSizeMax;
  static constexpr std::size_t kUnitsMax = (kRecordSizeMax + kUnit - 1) / kUnit;
  static constexpr std::size_t kPlaces = std::size_t{1} << 22;  ///< of records, in units

  /// Throws std::bad_alloc.
  ShardView(std::size_t slots, std::size_t units);

  void prefetch_slot(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&slots_[first_slot(hash)]);
  }
  /// The next slot at or behind place `probe` that may be the key's; 0: there is none.
  [[nodiscard]] std::uint32_t probe(std::uint64_t hash, std::size_t& probe) const noexcept {
    const std::size_t first = first_slot(hash);
    for (; probe < kProbeMax; ++probe) {
      const std::uint32_t slot = slots_[first + probe].load(std::memory_order_acquire);
      if (slot == kFree || (slot != kGone && (slot & kTagMask) == tag_of(hash))) return slot;
    }
    return kFree;
  }
  void prefetch_record(std::uint32_t slot) const noexcept {
    const std::uint8_t* const record = record_of(slot);
    __builtin_prefetch(record);
    __builtin_prefetch(record + kKeySize + kUnit - 1);
  }
  [[nodiscard]] bool holds(std::uint32_t slot, const std::uint8_t* key) const noexcept {
    return std::memcmp(record_of(slot), key, kKeySize) == 0;
  }
  /// Of a slot that is neither free nor gone, at `now`. The metadata stay where they are until the
  /// reader's next quiescent point.
  [[nodiscard]] FoundClient found(std::uint32_t slot, std::int64_t now) const noexcept;
  [[nodiscard]] Enrolment enrolment(std::uint32_t slot) const noexcept;

  /// Slot `i` of slot_count(), for those who walk through all: 0 if it holds nobody.
  [[nodiscard]] std::uint32_t slot(std::size_t i) const noexcept {
    const std::uint32_t slot = slots_[i].load(std::memory_order_acquire);
    return slot == kGone ? kFree : slot;
  }
  [[nodiscard]] std::size_t slot_count() const noexcept { return starts_ + kProbeMax - 1; }
  [[nodiscard]] std::size_t memory() const noexcept { return pages_.size(); }

 private:
  friend class TableShard;

  // A slot: place << 10 | tag << 3 | flags.
  static constexpr std::uint32_t kHasWindow = 1;
  static constexpr std::uint32_t kHasMetadata = 2;
  static constexpr std::uint32_t kRevoked = 4;
  static constexpr unsigned kTagShift = 3;
  static constexpr std::uint32_t kTagMask = 0x7fU << kTagShift;
  static constexpr unsigned kPlaceShift = 10;
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kGone = kRevoked;  ///< record place 0, which no record has

  static std::uint32_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32) & kTagMask;
  }
  [[nodiscard]] std::size_t first_slot(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash & UINT32_MAX) * starts_ >> 32);
  }
  [[nodiscard]] const std::uint8_t* record_of(std::uint32_t slot) const noexcept {
    return records_ + std::size_t{slot >> kPlaceShift} * kUnit;
  }

  Pages pages_;
  std::size_t starts_;  ///< slots at which a search can begin
  std::size_t units_;
  std::atomic<std::uint32_t>* slots_;
  std::uint8_t* records_;
};

/// The writer's side of a shard.
class TableShard {
 public:
  enum class Change : std::uint8_t {
    kNone,   ///< it was so already
    kMade,   ///< readers see it from now on
    kNoRoom  ///< more than a shard can hold; nothing was changed
  };
  /// What readers may still use: a record's place, or a whole view.
  struct Retired {
    std::unique_ptr<ShardView> view;  ///< if this is set, nothing else is
    TableShard* shard = nullptr;
    const ShardView* of = nullptr;
    std::uint32_t place = 0;
    std::uint32_t units = 0;
  };

  /// `published`: where readers find the view.
  TableShard(std::atomic<const ShardView*>& published, const HashSeed& seed);
  TableShard(const TableShard&) = delete;
  TableShard& operator=(const TableShard&) = delete;
  ~TableShard();

  /// Room for so many keys and bytes of records in all, so that it need not grow on the way.
  void reserve(std::size_t keys, std::size_t bytes, std::vector<Retired>& retired);
  /// Adds the client, or puts this in place of what is there.
  Change put(const Enrolment& client, std::uint64_t hash, std::vector<Retired>& retired);
  Change remove(const PublicKey& key, std::uint64_t hash, std::vector<Retired>& retired);
  /// Takes back a record's place that no reader uses any more.
  void reclaim(const Retired& retired) noexcept;

  [[nodiscard]] std::size_t keys() const noexcept { return keys_; }
  [[nodiscard]] std::size_t revoked() const noexcept { return revoked_; }
  [[nodiscard]] std::size_t memory() const noexcept { return view_->memory(); }

 private:
  using Units = std::uint32_t;
  struct Record {
    std::array<std::uint8_t, ShardView::kUnitsMax * ShardView::kUnit> bytes{};
    Units units = 0;
    std::uint32_t flags = 0;
  };
  struct Position {
    std::size_t own = kNowhere;   ///< the key's slot
    std::size_t free = kNowhere;  ///< the first that a new key may take
  };
  static constexpr std::size_t kNowhere = SIZE_MAX;

  static Record encode(const Enrolment& client) noexcept;
  static Units units_of(const ShardView& view, std::uint32_t slot) noexcept;
  [[nodiscard]] Position locate(const std::uint8_t* key, std::uint64_t hash) const noexcept;
  [[nodiscard]] bool same(std::uint32_t slot, const Record& record) const noexcept;
  /// 0: there is none.
  std::uint32_t allocate(Units units) noexcept;
  void set_slot(std::size_t i, std::uint32_t value, std::vector<Retired>& retired);
  /// Moves all to a view with room for at least so many keys and units. False if there is none.
  bool rebuild(std::size_t keys, std::size_t units, std::vector<Retired>& retired);
  [[nodiscard]] std::unique_ptr<ShardView> copy(std::size_t slots, std::size_t units,
                                                std::uint32_t& next) const;

  std::atomic<const ShardView*>& published_;
  const HashSeed& seed_;
  std::unique_ptr<ShardView> view_;
  std::size_t keys_ = 0;
  std::size_t revoked_ = 0;
  std::size_t used_slots_ = 0;  ///< with those gone
  std::size_t live_units_ = 0;
  std::uint32_t next_ = 1;  ///< behind the last record, in units
  /// Per size in units: the first free place; each holds the next one's. 0: none.
  std::array<std::uint32_t, ShardView::kUnitsMax + 1> free_{};
};

}  // namespace pssst::identity
