/// Latencies in bins of a constant relative width, as in HdrHistogram: every percentile to three
/// significant digits, at a fixed size.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/counter.hpp"

namespace pssst::tools::load {

/// Values below 2048 have a bin each; above, each power of two has 1024 bins, so a bin is at most
/// 1/1024 of its value wide.
inline constexpr unsigned kSubBinBits = 11;
/// The largest value told apart, about 18 minutes in nanoseconds; larger ones count as this.
inline constexpr std::uint64_t kHistogramValueMax = (std::uint64_t{1} << 40) - 1;

[[nodiscard]] constexpr std::size_t histogram_bin(std::uint64_t value) noexcept {
  if (value > kHistogramValueMax) value = kHistogramValueMax;
  const auto width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > kSubBinBits ? width - kSubBinBits : 0;
  return (std::size_t{shift} << (kSubBinBits - 1)) + static_cast<std::size_t>(value >> shift);
}

/// The largest value of a bin.
[[nodiscard]] constexpr std::uint64_t histogram_bin_top(std::size_t bin) noexcept {
  constexpr std::size_t kHalf = std::size_t{1} << (kSubBinBits - 1);
  const std::size_t shift = bin < 2 * kHalf ? 0 : bin / kHalf - 1;
  return ((std::uint64_t{bin - shift * kHalf} + 1) << shift) - 1;
}

inline constexpr std::size_t kHistogramBins = histogram_bin(kHistogramValueMax) + 1;

/// What one or several histograms hold at a time.
class HistogramSnapshot {
 public:
  HistogramSnapshot& operator+=(const HistogramSnapshot& other);
  /// What came since `earlier`, a snapshot of the same histograms. The extremes are those of bins.
  [[nodiscard]] HistogramSnapshot since(const HistogramSnapshot& earlier) const;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The smallest recorded value that at least this share of values does not exceed, to the width
  /// of a bin and rounded up; 0 if there is none. 0 <= share <= 1.
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept;
  [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;

 private:
  friend class Histogram;
  std::vector<std::uint64_t> bins_ = std::vector<std::uint64_t>(kHistogramBins);
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

/// One thread records, any thread takes snapshots. 240 KiB: allocate once.
class Histogram {
 public:
  void record(std::uint64_t value) noexcept;
  [[nodiscard]] HistogramSnapshot snapshot() const;

 private:
  std::array<base::Counter, kHistogramBins> bins_;
  base::Counter sum_;
  base::Counter min_plus_1_;  ///< 0: nothing recorded
  base::Counter max_;
};

}  // namespace pssst::tools::load
