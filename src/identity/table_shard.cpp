#include "identity/table_shard.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "base/assert.hpp"

namespace pssst::identity {
namespace {

/// Unix seconds as records keep them, in 32 bits: times beyond 2106 are as good as no end.
struct Window {
  std::uint32_t not_before;
  std::uint32_t not_after;
};
constexpr std::int64_t kSecondMax = std::numeric_limits<std::uint32_t>::max();

Window window_of(const Enrolment& client) noexcept {
  return {static_cast<std::uint32_t>(std::clamp<std::int64_t>(client.not_before, 0, kSecondMax)),
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(client.not_after, 0, kSecondMax))};
}

bool has_window(const Enrolment& client) noexcept {
  return client.not_before > 0 || client.not_after < kSecondMax;
}

Window read_window(const std::uint8_t* record) noexcept {
  Window window{};
  std::memcpy(&window, record + kKeySize, sizeof window);
  return window;
}

/// A new view has a quarter more room than what is moved to it needs.
constexpr std::size_t with_slack(std::size_t n) noexcept {
  return n + n / 4;
}

/// Of 10 slots at most 6 are in use: then searches are short, and kProbeMax is far away.
constexpr std::size_t slots_for(std::size_t keys) noexcept {
  return keys * 10 / 6 + 1;
}

constexpr std::size_t kKeysMin = 16;

}  // namespace

ShardView::ShardView(std::size_t slots, std::size_t units)
    : pages_((slots + kProbeMax) * sizeof(std::uint32_t) + units * kUnit),
      starts_(slots),
      units_(units),
      // All zero, which is what a free slot is.
      slots_(new (pages_.data() + units * kUnit) std::atomic<std::uint32_t>[slots + kProbeMax]),
      records_(pages_.data()) {}

FoundClient ShardView::found(std::uint32_t slot, std::int64_t now) const noexcept {
  FoundClient found;
  if ((slot & kRevoked) != 0) {
    found.drop = DropReason::kClientRevoked;
    return found;
  }
  const std::uint8_t* const record = record_of(slot);
  std::size_t place = kKeySize;
  if ((slot & kHasWindow) != 0) {
    const Window window = read_window(record);
    place += sizeof window;
    const bool begun = window.not_before == 0 || now >= window.not_before;
    const bool ended = window.not_after < kSecondMax && now > window.not_after;
    if (!begun || ended) {
      found.drop = DropReason::kClientNotValidNow;
      return found;
    }
  }
  found.drop = DropReason::kNone;
  std::memcpy(found.identity.public_key.data(), record, kKeySize);
  if ((slot & kHasMetadata) != 0) {
    found.identity.metadata = {record + place + 1, record[place]};
  }
  return found;
}

Enrolment ShardView::enrolment(std::uint32_t slot) const noexcept {
  Enrolment client;
  const std::uint8_t* const record = record_of(slot);
  std::memcpy(client.key.data(), record, kKeySize);
  client.revoked = (slot & kRevoked) != 0;
  std::size_t place = kKeySize;
  if ((slot & kHasWindow) != 0) {
    const Window window = read_window(record);
    place += sizeof window;
    if (window.not_before > 0) client.not_before = window.not_before;
    if (window.not_after < kSecondMax) client.not_after = window.not_after;
  }
  if ((slot & kHasMetadata) != 0) client.metadata = {record + place + 1, record[place]};
  return client;
}

TableShard::TableShard(std::atomic<const ShardView*>& published, const HashSeed& seed)
    : published_(published),
      seed_(seed),
      view_(std::make_unique<ShardView>(slots_for(kKeysMin), kKeysMin * ShardView::kUnitsMax)) {
  published_.store(view_.get(), std::memory_order_release);
}

TableShard::~TableShard() = default;

TableShard::Record TableShard::encode(const Enrolment& client) noexcept {
  PSSST_ASSERT(client.metadata.size() <= kClientMetadataSizeMax);
  Record record;
  std::memcpy(record.bytes.data(), client.key.data(), kKeySize);
  std::size_t size = kKeySize;
  if (client.revoked) {
    // Nobody asks for the rest.
    record.flags = ShardView::kRevoked;
  } else {
    if (has_window(client)) {
      const Window window = window_of(client);
      std::memcpy(&record.bytes[size], &window, sizeof window);
      size += sizeof window;
      record.flags |= ShardView::kHasWindow;
    }
    if (!client.metadata.empty()) {
      record.bytes[size++] = static_cast<std::uint8_t>(client.metadata.size());
      std::ranges::copy(client.metadata, &record.bytes[size]);
      size += client.metadata.size();
      record.flags |= ShardView::kHasMetadata;
    }
  }
  record.units = static_cast<Units>((size + ShardView::kUnit - 1) / ShardView::kUnit);
  return record;
}

TableShard::Units TableShard::units_of(const ShardView& view, std::uint32_t slot) noexcept {
  std::size_t size = kKeySize;
  if ((slot & ShardView::kHasWindow) != 0) size += sizeof(Window);
  if ((slot & ShardView::kHasMetadata) != 0) size += 1 + view.record_of(slot)[size];
  return static_cast<Units>((size + ShardView::kUnit - 1) / ShardView::kUnit);
}

TableShard::Position TableShard::locate(const std::uint8_t* key,
                                        std::uint64_t hash) const noexcept {
  Position position;
  const std::size_t first = view_->first_slot(hash);
  for (std::size_t i = first; i < first + ShardView::kProbeMax; ++i) {
    const std::uint32_t slot = view_->slots_[i].load(std::memory_order_relaxed);
    if (slot == ShardView::kFree || slot == ShardView::kGone) {
      if (position.free == kNowhere) position.free = i;
      if (slot == ShardView::kFree) break;
    } else if ((slot & ShardView::kTagMask) == ShardView::tag_of(hash) && view_->holds(slot, key)) {
      position.own = i;
      break;
    }
  }
  return position;
}

bool TableShard::same(std::uint32_t slot, const Record& record) const noexcept {
  constexpr std::uint32_t kFlags =
      ShardView::kHasWindow | ShardView::kHasMetadata | ShardView::kRevoked;
  return (slot & kFlags) == record.flags && units_of(*view_, slot) == record.units &&
         std::memcmp(view_->record_of(slot), record.bytes.data(),
                     record.units * ShardView::kUnit) == 0;
}

std::uint32_t TableShard::allocate(Units units) noexcept {
  if (const std::uint32_t place = free_[units]; place != 0) {
    std::memcpy(&free_[units], view_->records_ + place * ShardView::kUnit, sizeof place);
    return place;
  }
  if (next_ + units > view_->units_) return 0;
  return std::exchange(next_, next_ + units);
}

void TableShard::set_slot(std::size_t i, std::uint32_t value, std::vector<Retired>& retired) {
  const std::uint32_t before = view_->slots_[i].load(std::memory_order_relaxed);
  if (before != ShardView::kFree && before != ShardView::kGone) {
    const Units units = units_of(*view_, before);
    retired.push_back({.view = nullptr,
                       .shard = this,
                       .of = view_.get(),
                       .place = before >> ShardView::kPlaceShift,
                       .units = units});
    live_units_ -= units;
    --keys_;
    revoked_ -= (before & ShardView::kRevoked) != 0 ? 1 : 0;
  }
  if (before == ShardView::kFree) ++used_slots_;
  // The record is written; whoever reads the slot reads that, too.
  view_->slots_[i].store(value, std::memory_order_release);
  if (value == ShardView::kGone) return;
  live_units_ += units_of(*view_, value);
  ++keys_;
  revoked_ += (value & ShardView::kRevoked) != 0 ? 1 : 0;
}

TableShard::Change TableShard::put(const Enrolment& client, std::uint64_t hash,
                                   std::vector<Retired>& retired) {
  const Record record = encode(client);
  Position position = locate(client.key.data(), hash);
  if (position.own != kNowhere &&
      same(view_->slots_[position.own].load(std::memory_order_relaxed), record)) {
    return Change::kNone;
  }
  const bool crowded = position.own == kNowhere &&
                       (position.free == kNowhere || slots_for(used_slots_ + 1) > view_->starts_);
  std::uint32_t place = crowded ? 0 : allocate(record.units);
  // More than one turn only if kProbeMax slots in a row are taken, which chance does not bring
  // about.
  for (std::size_t keys = keys_ + 1; place == 0; keys *= 2) {
    if (!rebuild(keys, live_units_ + record.units, retired)) return Change::kNoRoom;
    position = locate(client.key.data(), hash);
    const bool fits = position.own != kNowhere || position.free != kNowhere;
    if (fits) place = allocate(record.units);
  }
  std::memcpy(view_->records_ + place * ShardView::kUnit, record.bytes.data(),
              record.units * ShardView::kUnit);
  set_slot(position.own != kNowhere ? position.own : position.free,
           place << ShardView::kPlaceShift | ShardView::tag_of(hash) | record.flags, retired);
  return Change::kMade;
}

TableShard::Change TableShard::remove(const PublicKey& key, std::uint64_t hash,
                                      std::vector<Retired>& retired) {
  const Position position = locate(key.data(), hash);
  if (position.own == kNowhere) return Change::kNone;
  set_slot(position.own, ShardView::kGone, retired);
  return Change::kMade;
}

void TableShard::reclaim(const Retired& retired) noexcept {
  if (retired.of != view_.get()) return;
  std::memcpy(view_->records_ + retired.place * ShardView::kUnit, &free_[retired.units],
              sizeof retired.place);
  free_[retired.units] = retired.place;
}

void TableShard::reserve(std::size_t keys, std::size_t bytes, std::vector<Retired>& retired) {
  static_cast<void>(
      rebuild(std::max(keys, keys_), std::max(bytes / ShardView::kUnit, live_units_), retired));
}

std::unique_ptr<ShardView> TableShard::copy(std::size_t slots, std::size_t units,
                                            std::uint32_t& next) const {
  auto view = std::make_unique<ShardView>(slots, units);
  next = 1;
  for (std::size_t i = 0; i < view_->slot_count(); ++i) {
    const std::uint32_t slot = view_->slot(i);
    if (slot == ShardView::kFree) continue;
    const std::uint8_t* const record = view_->record_of(slot);
    const std::uint64_t hash = hash_key(record, seed_);
    const std::size_t first = view->first_slot(hash);
    std::size_t probe = 0;
    while (probe < ShardView::kProbeMax &&
           view->slots_[first + probe].load(std::memory_order_relaxed) != ShardView::kFree) {
      ++probe;
    }
    if (probe == ShardView::kProbeMax) return nullptr;
    const Units size = units_of(*view_, slot);
    std::memcpy(view->records_ + next * ShardView::kUnit, record, size * ShardView::kUnit);
    constexpr std::uint32_t kBesidePlace = (std::uint32_t{1} << ShardView::kPlaceShift) - 1;
    view->slots_[first + probe].store(next << ShardView::kPlaceShift | (slot & kBesidePlace),
                                      std::memory_order_relaxed);
    next += size;
  }
  return view;
}

bool TableShard::rebuild(std::size_t keys, std::size_t units, std::vector<Retired>& retired) {
  const std::size_t room = with_slack(std::max(keys, kKeysMin));
  const std::size_t place_room =
      std::min(with_slack(units) + kKeysMin * ShardView::kUnitsMax, ShardView::kPlaces);
  if (place_room < units + 1) return false;
  std::uint32_t next = 0;
  std::unique_ptr<ShardView> view;
  for (std::size_t slots = slots_for(room); view == nullptr; slots += slots / 4) {
    view = copy(slots, place_room, next);
  }
  published_.store(view.get(), std::memory_order_release);
  std::swap(view_, view);
  retired.push_back({.view = std::move(view)});
  used_slots_ = keys_;
  next_ = next;
  free_.fill(0);
  return true;
}

}  // namespace pssst::identity
