/// The core clock of a machine whose neighbours slow it at times, told by loops of known
/// throughput: the time stamp counter alone does not know how much of a core one has.
#pragma once

#include <cstdint>

namespace pssst::bench {

/// Brackets a window: probe() before and after it. Used by one pinned thread.
class QuietClock {
 public:
  /// A window is quiet if the probes around it ran within this share of the best one ever.
  static constexpr double kTolerance = 0.06;

  /// Finds out how many vector additions this CPU does per core cycle: from a loop of them against
  /// a chain of dependent scalar additions, one per cycle everywhere. About 20 ms.
  QuietClock() noexcept;

  /// Runs the loop of independent vector additions once, some 10 microseconds; its TSC ticks.
  std::uint64_t probe() noexcept;
  /// The least that probe() has returned.
  [[nodiscard]] std::uint64_t best() const noexcept { return best_; }
  [[nodiscard]] bool is_quiet(std::uint64_t probe_ticks) const noexcept;
  /// `ticks` in core cycles, at the pace that a probe of `probe_ticks` shows.
  [[nodiscard]] double to_core_cycles(double ticks, double probe_ticks) const noexcept;
  /// Vector additions per core cycle: 4 or 3.
  [[nodiscard]] double additions_per_cycle() const noexcept { return additions_per_cycle_; }

 private:
  std::uint64_t best_ = ~std::uint64_t{0};
  double additions_per_cycle_ = 0;
};

}  // namespace pssst::bench
