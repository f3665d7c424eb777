#include "timing/windows.hpp"

#include <sched.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/assert.hpp"
#include "base/tsc.hpp"

namespace pssst::bench {
namespace {

struct Window {
  double ticks = 0;  ///< per operation
  double core_cycles = 0;
  bool quiet = false;
};

Window measure_window(const Contender& contender, std::size_t calls, QuietClock& clock) {
  const std::uint64_t before = clock.probe();
  const double begin = thread_ticks();
  for (std::size_t i = 0; i < calls; ++i) contender.call();
  const double elapsed = thread_ticks() - begin;
  const std::uint64_t after = clock.probe();
  Window window;
  window.ticks = elapsed / static_cast<double>(calls * contender.operations);
  window.core_cycles = clock.to_core_cycles(
      window.ticks, (static_cast<double>(before) + static_cast<double>(after)) / 2);
  window.quiet = clock.is_quiet(before) && clock.is_quiet(after);
  return window;
}

/// Calls that fill a window, by the better of two tries.
std::size_t calls_per_window(const Contender& contender, double window_ticks) {
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t begin = base::read_tsc();
    contender.call();
    best = std::min(best, base::read_tsc() - begin);
  }
  return std::max<std::size_t>(1,
                               static_cast<std::size_t>(window_ticks / static_cast<double>(best)));
}

Figures summarise(const std::vector<Window>& windows) {
  Figures figures;
  std::vector<double> quiet_cycles;
  for (const Window& window : windows) {
    figures.ticks.push_back(window.ticks);
    if (window.quiet) quiet_cycles.push_back(window.core_cycles);
  }
  figures.median = median(figures.ticks);
  figures.best = *std::min_element(figures.ticks.begin(), figures.ticks.end());
  figures.quiet_windows = quiet_cycles.size();
  if (!quiet_cycles.empty()) figures.core_cycles = median(std::move(quiet_cycles));
  return figures;
}

}  // namespace

std::vector<Figures> measure_in_turns(std::span<const Contender> contenders,
                                      const WindowSettings& settings, QuietClock& clock) {
  PSSST_ASSERT(settings.rounds > 0);
  const double window_ticks = settings.window_ms * static_cast<double>(base::tsc_hz()) / 1000;
  std::vector<std::size_t> calls;
  for (const Contender& contender : contenders) {
    calls.push_back(calls_per_window(contender, window_ticks));
  }
  std::vector<std::vector<Window>> windows(contenders.size());
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
      const std::size_t i =
          (round * contenders.size() / settings.rounds + turn) % contenders.size();
      windows[i].push_back(measure_window(contenders[i], calls[i], clock));
    }
  }
  std::vector<Figures> all;
  all.reserve(windows.size());
  for (const std::vector<Window>& one : windows) all.push_back(summarise(one));
  return all;
}

double median(std::vector<double> values) {
  PSSST_ASSERT(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double speed_ratio(const Figures& figures, const Figures& other) {
  PSSST_ASSERT(figures.ticks.size() == other.ticks.size());
  std::vector<double> ratios;
  for (std::size_t i = 0; i < figures.ticks.size(); ++i) {
    ratios.push_back(other.ticks[i] / figures.ticks[i]);
  }
  return median(std::move(ratios));
}

double ticks_above(const Figures& figures, const Figures& other) {
  PSSST_ASSERT(figures.ticks.size() == other.ticks.size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < figures.ticks.size(); ++i) {
    differences.push_back(figures.ticks[i] - other.ticks[i]);
  }
  return median(std::move(differences));
}

double thread_ticks() noexcept {
  timespec time{};
  static_cast<void>(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
  return (static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9) *
         static_cast<double>(base::tsc_hz());
}

bool pin_to_cpu(unsigned cpu) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

unsigned last_allowed_cpu() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  unsigned last = 0;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) last = cpu;
  }
  return last;
}

}  // namespace pssst::bench
