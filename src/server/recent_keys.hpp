/// Keys that were seen lately.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/source_prefix.hpp"
#include "server/table_memory.hpp"

namespace pssst::server {

/// Soft state of one worker: sets of four, each one cache line; of a full set the key that was seen
/// longest ago makes room. It may forget early, but never grows and never mistakes one key for
/// another.
class RecentKeys {
 public:
  /// Room for `keys_max`, rounded up to a power of two; 0: for none. `lifetime`: TSC ticks after
  /// which a key is forgotten. `memory` outlives it, and has bytes_for() so many.
  RecentKeys(TableMemory& memory, std::size_t keys_max, std::uint64_t lifetime);
  [[nodiscard]] static std::size_t bytes_for(std::size_t keys_max) noexcept {
    return sets_for(keys_max) * sizeof(Set);
  }

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
  struct alignas(64) Set {
    std::array<Entry, kWays> entries;

    /// kWays: nowhere. Which of the four it is cannot be foretold, so nothing branches on that.
    [[nodiscard]] std::size_t find(std::uint64_t key) const noexcept {
      unsigned found = 1U << kWays;
      for (std::size_t i = 0; i < kWays; ++i) {
        found |= static_cast<unsigned>(entries[i].key == key) << i;
      }
      return static_cast<std::size_t>(std::countr_zero(found));
    }
  };
  [[nodiscard]] static std::size_t sets_for(std::size_t keys_max) noexcept;

  std::uint64_t lifetime_;
  std::span<Set> sets_;
  std::size_t mask_ = 0;
};

}  // namespace pssst::server
