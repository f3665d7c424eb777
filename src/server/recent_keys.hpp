/// Keys that were seen lately.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/source_prefix.hpp"

namespace pssst::server {

/// Soft state of one worker: sets of four, each one cache line; of a full set the key that was seen
/// longest ago makes room. It may forget early, but never grows and never mistakes one key for
/// another.
class RecentKeys {
 public:
  /// Room for `keys_max`, rounded up to a power of two; 0: for none. `lifetime`: TSC ticks after
  /// which a key is forgotten.
  RecentKeys(std::size_t keys_max, std::uint64_t lifetime);

  /// `now`: a recent TSC value; earlier ones count as now.
  void remember(const HashedKey& key, std::uint64_t now) noexcept;
  [[nodiscard]] bool knows(const HashedKey& key, std::uint64_t now) const noexcept;
  /// It will be asked for soon.
  void prefetch(const HashedKey& key) const noexcept {
    if (!sets_.empty()) __builtin_prefetch(&sets_[key.hash & mask_]);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return sets_.size() * kWays; }

 private:
  static constexpr std::size_t kWays = 4;
  struct Entry {
    std::uint64_t key = 0;   ///< 0: free
    std::uint64_t seen = 0;  ///< TSC
  };
  using Set = std::array<Entry, kWays>;
  struct alignas(64) AlignedSet : Set {};

  std::uint64_t lifetime_;
  std::vector<AlignedSet> sets_;
  std::size_t mask_ = 0;
};

}  // namespace pssst::server
