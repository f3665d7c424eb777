/// When requests of an open-loop load are due.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pssst::tools::load {

/// Evenly spaced from `start_ns` on, `rate` a second. Each time is computed from the start alone:
/// no error adds up, and a late send does not move those after it.
class Schedule {
 public:
  Schedule(std::uint64_t start_ns, double rate) noexcept
      : start_ns_(start_ns), interval_ns_(1e9 / rate) {}

  /// When the i-th is due, nanoseconds on the clock of `start_ns`.
  [[nodiscard]] std::uint64_t due(std::uint64_t i) const noexcept {
    return start_ns_ + static_cast<std::uint64_t>(static_cast<double>(i) * interval_ns_);
  }
  /// The next one's time.
  [[nodiscard]] std::uint64_t next() const noexcept { return due(sent_); }
  /// How many in all are due before `end_ns`.
  [[nodiscard]] std::uint64_t due_before(std::uint64_t end_ns) const noexcept {
    if (end_ns <= start_ns_) return 0;
    auto count = static_cast<std::uint64_t>(static_cast<double>(end_ns - start_ns_) / interval_ns_);
    // The division is off by one at most.
    while (count > 0 && due(count - 1) >= end_ns) --count;
    while (due(count) < end_ns) ++count;
    return count;
  }
  /// How many are due at `now_ns` and not yet taken, at most `limit`.
  [[nodiscard]] std::size_t due_count(std::uint64_t now_ns, std::size_t limit) const noexcept {
    std::size_t count = 0;
    while (count < limit && due(sent_ + count) <= now_ns) ++count;
    return count;
  }
  /// The first `count` of those due are on their way.
  void take(std::size_t count) noexcept { sent_ += count; }
  [[nodiscard]] std::uint64_t taken() const noexcept { return sent_; }

 private:
  std::uint64_t start_ns_;
  double interval_ns_;
  std::uint64_t sent_ = 0;
};

}  // namespace pssst::tools::load
