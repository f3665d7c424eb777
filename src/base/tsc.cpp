#include "base/tsc.hpp"

#include <time.h>  // NOLINT(modernize-deprecated-headers): clock_gettime is POSIX, not <ctime>

namespace pssst::base {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

struct Instant {
  std::uint64_t tsc;
  std::uint64_t ns;
};

/// Both clocks at once: of several tries the one whose reads lay closest together, so that an
/// interruption between the two does not become an error of the rate.
Instant read_both() noexcept {
  Instant best{};
  std::uint64_t best_width = ~std::uint64_t{0};
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t before = read_tsc();
    const std::uint64_t ns = monotonic_ns();
    const std::uint64_t width = read_tsc() - before;
    if (width < best_width) {
      best_width = width;
      best = {before + width / 2, ns};
    }
  }
  return best;
}

std::uint64_t measure_hz() noexcept {
  constexpr std::uint64_t kWindowNs = 10'000'000;
  const Instant start = read_both();
  Instant end{};
  do {
    end = read_both();
  } while (end.ns - start.ns < kWindowNs);
  const auto ticks = static_cast<long double>(end.tsc - start.tsc);
  return static_cast<std::uint64_t>(ticks * kNsPerSecond /
                                    static_cast<long double>(end.ns - start.ns));
}

}  // namespace

std::uint64_t tsc_hz() noexcept {
  static const std::uint64_t hz = measure_hz();
  return hz;
}

}  // namespace pssst::base
