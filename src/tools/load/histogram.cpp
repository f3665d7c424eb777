#include "tools/load/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace pssst::tools::load {

HistogramSnapshot& HistogramSnapshot::operator+=(const HistogramSnapshot& other) {
  for (std::size_t bin = 0; bin < kHistogramBins; ++bin) bins_[bin] += other.bins_[bin];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  return *this;
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot difference;
  for (std::size_t bin = 0; bin < kHistogramBins; ++bin) {
    const std::uint64_t count = bins_[bin] - earlier.bins_[bin];
    difference.bins_[bin] = count;
    if (count == 0) continue;
    difference.count_ += count;
    difference.max_ = histogram_bin_top(bin);
    difference.min_ = std::min(difference.min_, histogram_bin_top(bin));
  }
  difference.sum_ = sum_ - earlier.sum_;
  return difference;
}

std::uint64_t HistogramSnapshot::percentile(double share) const noexcept {
  if (count_ == 0) return 0;
  const double rank = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < kHistogramBins; ++bin) {
    seen += bins_[bin];
    if (seen >= wanted) return std::clamp(histogram_bin_top(bin), min_, max_);
  }
  return max_;
}

double HistogramSnapshot::mean() const noexcept {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

void Histogram::record(std::uint64_t value) noexcept {
  value = std::min(value, kHistogramValueMax);
  bins_[histogram_bin(value)].add(1);
  sum_.add(value);
  if (value > max_.read()) max_.set(value);
  if (const std::uint64_t least = min_plus_1_.read(); least == 0 || value < least - 1) {
    min_plus_1_.set(value + 1);
  }
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot snapshot;
  for (std::size_t bin = 0; bin < kHistogramBins; ++bin) {
    snapshot.bins_[bin] = bins_[bin].read();
    snapshot.count_ += snapshot.bins_[bin];
  }
  snapshot.sum_ = sum_.read();
  snapshot.max_ = max_.read();
  if (const std::uint64_t least = min_plus_1_.read(); least != 0) snapshot.min_ = least - 1;
  return snapshot;
}

}  // namespace pssst::tools::load
