/// Distributions of durations, counted by one thread and read by others.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.hpp"

namespace pssst::telemetry {

/// Upper bounds of a histogram's buckets, in nanoseconds: 1, 2 and 5 of each decade from a
/// microsecond to a second. Fixed in time, not in ticks, so that histograms of several machines can
/// be added.
inline constexpr std::array<std::uint64_t, 19> kDurationBoundsNs{
    1'000,      2'000,       5'000,       10'000,      20'000,       50'000,     100'000,
    200'000,    500'000,     1'000'000,   2'000'000,   5'000'000,    10'000'000, 20'000'000,
    50'000'000, 100'000'000, 200'000'000, 500'000'000, 1'000'000'000};

/// The same bounds in TSC ticks, once for all histograms of a worker.
using DurationBounds = std::array<std::uint64_t, kDurationBoundsNs.size()>;
[[nodiscard]] constexpr DurationBounds duration_bounds(std::uint64_t tsc_hz) noexcept {
  DurationBounds bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds.at(i) = static_cast<std::uint64_t>(static_cast<double>(kDurationBoundsNs.at(i)) *
                                              static_cast<double>(tsc_hz) / 1e9);
  }
  return bounds;
}

/// One writer; readers see each counter at most a moment old, and sum and buckets from slightly
/// different moments.
class Histogram {
 public:
  /// `n` events of `ticks` each.
  void add(const DurationBounds& bounds, std::uint64_t ticks, std::uint64_t n = 1) noexcept {
    const auto bucket = static_cast<std::size_t>(
        std::lower_bound(bounds.begin(), bounds.end(), ticks) - bounds.begin());
    buckets_.at(bucket).add(n);
    ticks_.add(ticks * n);
  }

  /// Events at most as long as bound `i`, and longer than the one before; the last is for all that
  /// are longer than every bound.
  static constexpr std::size_t kBuckets = kDurationBoundsNs.size() + 1;
  [[nodiscard]] std::uint64_t read_bucket(std::size_t i) const noexcept {
    return buckets_.at(i).read();
  }
  [[nodiscard]] std::uint64_t read_ticks() const noexcept { return ticks_.read(); }

 private:
  std::array<base::Counter, kBuckets> buckets_;
  base::Counter ticks_;
};

}  // namespace pssst::telemetry
