/// Source prefixes that lately sent a valid request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pssst::server {

/// Soft state of one worker: a direct-mapped table of fixed size with a seeded hash. A newer prefix
/// takes the entry of an older one, so it may forget early, but never grows and never mistakes one
/// prefix for another. Prefixes are IPv4 /24 and IPv6 /48.
class KnownSources {
 public:
  static constexpr std::size_t kEntries = 4096;

  /// `lifetime`: TSC ticks after which a prefix counts as unknown again.
  explicit KnownSources(std::uint64_t lifetime);

  /// `source`: IPv6, or IPv4 mapped into it. `now`: a recent TSC value; earlier ones count as now.
  void remember(const std::array<std::uint8_t, 16>& source, std::uint64_t now) noexcept;
  [[nodiscard]] bool knows(const std::array<std::uint8_t, 16>& source,
                           std::uint64_t now) const noexcept;

 private:
  struct Entry {
    std::uint64_t prefix = 0;  ///< 0: free
    std::uint64_t seen = 0;    ///< TSC
  };
  [[nodiscard]] std::size_t index_of(std::uint64_t prefix) const noexcept;

  std::uint64_t lifetime_;
  std::array<std::uint64_t, 2> seed_{};
  std::vector<Entry> entries_;
};

}  // namespace pssst::server
