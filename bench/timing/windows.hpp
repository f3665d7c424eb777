/// Contenders side by side in short windows, turn by turn, so that whatever slows the machine slows
/// them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "timing/quiet_clock.hpp"

namespace pssst::bench {

struct Contender {
  std::function<void()> call;
  std::size_t operations = 1;  ///< that one call does
};

struct WindowSettings {
  std::size_t rounds = 31;  ///< windows of each contender
  double window_ms = 2;     ///< length of each, at least one call
};

/// What one contender's windows gave; TSC ticks of this thread's CPU time per operation.
struct Figures {
  std::vector<double> ticks;  ///< of each window, in the order of the rounds
  double median = 0;
  double best = 0;
  std::size_t quiet_windows = 0;
  double core_cycles = 0;  ///< the median of the quiet windows; 0 if there were none
};

/// One Figures for each contender. A round takes a window of each of them; rounds begin at
/// different contenders, so that none always follows the same other.
[[nodiscard]] std::vector<Figures> measure_in_turns(std::span<const Contender> contenders,
                                                    const WindowSettings& settings,
                                                    QuietClock& clock);

[[nodiscard]] double median(std::vector<double> values);

/// How many times as fast as `other`: the median over the rounds of the ratio within a round.
[[nodiscard]] double speed_ratio(const Figures& figures, const Figures& other);

/// The ticks per operation beyond those of `other`: the median over the rounds of the difference
/// within a round.
[[nodiscard]] double ticks_above(const Figures& figures, const Figures& other);

/// The CPU time of the calling thread in TSC ticks: unlike the time stamp counter it stands still
/// while another process has the CPU.
[[nodiscard]] double thread_ticks() noexcept;

/// Binds the calling thread to `cpu`; false if it may not run there.
[[nodiscard]] bool pin_to_cpu(unsigned cpu) noexcept;
/// The last CPU that this process may use: on most machines not the one that takes interrupts.
[[nodiscard]] unsigned last_allowed_cpu() noexcept;

}  // namespace pssst::bench
