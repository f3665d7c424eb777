#include "timing/quiet_clock.hpp"

#include <algorithm>
#include <cmath>

#include "base/tsc.hpp"

namespace pssst::bench {
namespace {

constexpr std::uint64_t kIterations = 2048;
constexpr double kAdditionsPerIteration = 32;
constexpr int kCalibrationRuns = 400;

// Sixteen independent chains: more than any core has additions under way.
std::uint64_t run_vector_additions() noexcept {
  std::uint64_t left = kIterations;
  const std::uint64_t begin = base::read_tsc();
  __asm__ volatile(
      ".p2align 6\n"
      "1:\n"
      ".rept 2\n"
      "paddq %%xmm0, %%xmm0\n paddq %%xmm1, %%xmm1\n paddq %%xmm2, %%xmm2\n"
      "paddq %%xmm3, %%xmm3\n paddq %%xmm4, %%xmm4\n paddq %%xmm5, %%xmm5\n"
      "paddq %%xmm6, %%xmm6\n paddq %%xmm7, %%xmm7\n paddq %%xmm8, %%xmm8\n"
      "paddq %%xmm9, %%xmm9\n paddq %%xmm10, %%xmm10\n paddq %%xmm11, %%xmm11\n"
      "paddq %%xmm12, %%xmm12\n paddq %%xmm13, %%xmm13\n paddq %%xmm14, %%xmm14\n"
      "paddq %%xmm15, %%xmm15\n"
      ".endr\n"
      "dec %0\n"
      "jnz 1b\n"
      : "+r"(left)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return base::read_tsc() - begin;
}

std::uint64_t run_dependent_additions() noexcept {
  std::uint64_t left = kIterations;
  std::uint64_t sum = 1;
  const std::uint64_t begin = base::read_tsc();
  __asm__ volatile(
      ".p2align 6\n"
      "1:\n"
      ".rept 32\n"
      "add %1, %1\n"
      ".endr\n"
      "dec %0\n"
      "jnz 1b\n"
      : "+r"(left), "+r"(sum)
      :
      : "cc");
  return base::read_tsc() - begin;
}

}  // namespace

QuietClock::QuietClock() noexcept {
  std::uint64_t chain_best = ~std::uint64_t{0};
  for (int i = 0; i < kCalibrationRuns; ++i) {
    chain_best = std::min(chain_best, run_dependent_additions());
    probe();
  }
  additions_per_cycle_ = std::round(static_cast<double>(chain_best) / static_cast<double>(best_));
}

std::uint64_t QuietClock::probe() noexcept {
  const std::uint64_t ticks = run_vector_additions();
  best_ = std::min(best_, ticks);
  return ticks;
}

bool QuietClock::is_quiet(std::uint64_t probe_ticks) const noexcept {
  return static_cast<double>(probe_ticks) <= (1 + kTolerance) * static_cast<double>(best_);
}

double QuietClock::to_core_cycles(double ticks, double probe_ticks) const noexcept {
  const double probe_cycles =
      kAdditionsPerIteration * static_cast<double>(kIterations) / additions_per_cycle_;
  return ticks * probe_cycles / probe_ticks;
}

}  // namespace pssst::bench
