/// What this CPU and operating system offer.
#pragma once

#include <string>

namespace pssst::base {

/// A vector extension counts only if the operating system saves its registers (XCR0).
struct CpuFeatures {
  bool sse42 = false;
  bool aes = false;
  bool pclmul = false;
  bool sha = false;
  bool avx2 = false;
  bool fma = false;
  bool bmi2 = false;
  bool adx = false;
  bool avx512f = false;
  bool avx512vl = false;
  bool avx512dq = false;
  bool avx512bw = false;
  bool avx512ifma = false;
  bool avx512_halved = false;  ///< 512-bit operations run as two halves: AMD's Zen 4
};

/// Read from cpuid once; the same object ever after.
[[nodiscard]] const CpuFeatures& cpu_features() noexcept;

/// The CPU's brand string, "unknown" where it has none.
[[nodiscard]] std::string cpu_name();

}  // namespace pssst::base
