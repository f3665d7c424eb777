#include "server/recent_keys.hpp"

#include <bit>

namespace pssst::server {

RecentKeys::RecentKeys(std::size_t keys_max, std::uint64_t lifetime)
    : lifetime_(lifetime),
      sets_(keys_max == 0 ? 0 : std::bit_ceil((keys_max + kWays - 1) / kWays)),
      mask_(sets_.empty() ? 0 : sets_.size() - 1) {}

void RecentKeys::remember(const HashedKey& key, std::uint64_t now) noexcept {
  if (sets_.empty()) return;
  Set& set = sets_[key.hash & mask_];
  Entry* chosen = set.data();
  for (Entry& entry : set) {
    if (entry.key == key.key) {
      entry.seen = now;
      return;
    }
    if (entry.seen < chosen->seen) chosen = &entry;
  }
  *chosen = Entry{.key = key.key, .seen = now};
}

bool RecentKeys::knows(const HashedKey& key, std::uint64_t now) const noexcept {
  if (sets_.empty()) return false;
  for (const Entry& entry : sets_[key.hash & mask_]) {
    if (entry.key == key.key) return now <= entry.seen || now - entry.seen < lifetime_;
  }
  return false;
}

}  // namespace pssst::server
