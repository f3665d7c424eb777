#include "server/recent_keys.hpp"

#include <algorithm>
#include <bit>

namespace pssst::server {

std::size_t RecentKeys::sets_for(std::size_t keys_max) noexcept {
  return keys_max == 0 ? 0 : std::bit_ceil((keys_max + kWays - 1) / kWays);
}

RecentKeys::RecentKeys(TableMemory& memory, std::size_t keys_max, std::uint64_t lifetime)
    : lifetime_(lifetime),
      sets_(memory.take<Set>(sets_for(keys_max))),
      mask_(sets_.empty() ? 0 : sets_.size() - 1) {}

void RecentKeys::remember(const HashedKey& key, std::uint64_t now) noexcept {
  if (sets_.empty()) return;
  Set& set = sets_[key.hash & mask_];
  if (const std::size_t way = set.find(key.key); way < kWays) {
    set.entries[way].seen = now;
    return;
  }
  *std::ranges::min_element(set.entries, {}, &Entry::seen) = {.key = key.key, .seen = now};
}

bool RecentKeys::knows(const HashedKey& key, std::uint64_t now) const noexcept {
  if (sets_.empty()) return false;
  const Set& set = sets_[key.hash & mask_];
  const std::size_t way = set.find(key.key);
  if (way == kWays) return false;
  const std::uint64_t seen = set.entries[way].seen;
  return now <= seen || now - seen < lifetime_;
}

}  // namespace pssst::server
