#include "identity/sharded_table.hpp"

#include "base/assert.hpp"
#include "base/random.hpp"

namespace pssst::identity {

ShardedTable::ShardedTable() : writer_(std::make_unique<Writer>()) {
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
  writer_->shards.reserve(kShards);
  for (std::atomic<const ShardView*>& view : views_) {
    writer_->shards.push_back(std::make_unique<TableShard>(view, seed_));
  }
}

ShardedTable::~ShardedTable() = default;

void ShardedTable::find(std::span<const std::uint8_t* const> keys, std::int64_t now,
                        std::span<FoundClient> found) const noexcept {
  PSSST_ASSERT(keys.size() <= kBurstLanesMax && keys.size() == found.size());
  struct Search {
    std::uint64_t hash;
    const ShardView* view;
    std::size_t probe;
    std::uint32_t slot;
  };
  std::array<Search, kBurstLanesMax> searches;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Search& search = searches[i];
    search.hash = hash_key(keys[i], seed_);
    search.view = views_[shard_of(search.hash)].load(std::memory_order_acquire);
    search.view->prefetch_slot(search.hash);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Search& search = searches[i];
    search.probe = 0;
    search.slot = search.view->probe(search.hash, search.probe);
    if (search.slot != 0) search.view->prefetch_record(search.slot);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Search& search = searches[i];
    while (search.slot != 0 && !search.view->holds(search.slot, keys[i])) {
      ++search.probe;
      search.slot = search.view->probe(search.hash, search.probe);
    }
    found[i] = search.slot == 0 ? FoundClient{} : search.view->found(search.slot, now);
  }
}

std::size_t ShardedTable::walk(Cursor& cursor, std::int64_t now,
                               std::span<Identity> clients) const noexcept {
  constexpr std::size_t kSlotsMax = 4096;  // A step takes no longer, however sparse the table.
  std::size_t n = 0;
  for (std::size_t seen = 0; seen < kSlotsMax && n < clients.size() && !at_end(cursor); ++seen) {
    const ShardView& view = *views_[cursor.shard].load(std::memory_order_acquire);
    if (cursor.slot >= view.slot_count()) {
      cursor = {.shard = cursor.shard + 1, .slot = 0};
      continue;
    }
    const std::uint32_t slot = view.slot(cursor.slot++);
    if (slot == 0) continue;
    const FoundClient found = view.found(slot, now);
    if (found.drop == DropReason::kNone) clients[n++] = found.identity;
  }
  return n;
}

void ShardedTable::reserve(std::size_t clients, std::size_t metadata_bytes) {
  // Shards differ by a few times the root of what they hold, which the slack of a shard covers.
  const std::size_t keys = clients / kShards + 1;
  const std::size_t bytes = clients * (kKeySize + 8) + metadata_bytes;
  for (const auto& shard : writer_->shards)
    shard->reserve(keys, bytes / kShards + 1, writer_->retired);
}

ShardedTable::Change ShardedTable::put(const Enrolment& client) {
  const std::uint64_t hash = hash_key(client.key.data(), seed_);
  return writer_->shards[shard_of(hash)]->put(client, hash, writer_->retired);
}

ShardedTable::Change ShardedTable::remove(const PublicKey& key) {
  const std::uint64_t hash = hash_key(key.data(), seed_);
  return writer_->shards[shard_of(hash)]->remove(key, hash, writer_->retired);
}

void ShardedTable::reclaim() noexcept {
  for (const TableShard::Retired& retired : writer_->retired) {
    if (retired.view == nullptr) retired.shard->reclaim(retired);
  }
  writer_->retired.clear();
}

std::size_t ShardedTable::size() const noexcept {
  std::size_t n = 0;
  for (const auto& shard : writer_->shards) n += shard->keys();
  return n;
}

std::size_t ShardedTable::revoked() const noexcept {
  std::size_t n = 0;
  for (const auto& shard : writer_->shards) n += shard->revoked();
  return n;
}

std::size_t ShardedTable::memory() const noexcept {
  std::size_t n = 0;
  for (const auto& shard : writer_->shards) n += shard->memory();
  return n;
}

}  // namespace pssst::identity
