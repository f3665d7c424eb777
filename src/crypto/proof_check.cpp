#include "crypto/proof_check.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "crypto/proof_combs.hpp"
#include "crypto/x25519_affine.hpp"

namespace pssst::crypto {
namespace {

constexpr bool always_supported() noexcept {
  return true;
}

bool has_avx2_and_fma() noexcept {
  return base::cpu_features().avx2 && base::cpu_features().fma;
}

template <ProofCombs& kCombs>
X25519CheckResult check(const X25519Scalar* const* scalars, const ProofTable* const* tables,
                        const Bytes32* expected, std::size_t n) noexcept {
  if (n == 0) return {};
  PSSST_ASSERT(n <= kX25519LanesMax);
  std::array<const std::uint8_t*, kX25519LanesMax> clamped;
  for (std::size_t i = 0; i < n; ++i) {
    clamped[i] = scalars[i]->clamped().data();
    // The combs take bit 254 for granted.
    PSSST_ASSERT((clamped[i][kX25519Size - 1] & 0xc0) == 0x40);
  }
  std::array<ProjectivePoint, kX25519LanesMax> results;
  kCombs(clamped.data(), tables, results.data(), n);
  return x25519_compare(results.data(), expected, n);
}

// Widest first.
constexpr std::array kKernels{
    ProofKernel{.name = "avx2",
                .vector_lanes = 4,
                .supported = has_avx2_and_fma,
                .check = check<proof_combs_avx2>},
    ProofKernel{.name = "portable",
                .vector_lanes = 1,
                .supported = always_supported,
                .check = check<proof_combs_portable>},
};

}  // namespace

std::span<const ProofKernel> proof_kernels() noexcept {
  return kKernels;
}

const ProofKernel& proof_kernel_beside(const X25519Kernel& kernel) noexcept {
  const auto* const found =
      std::find_if(kKernels.begin(), kKernels.end() - 1, [&](const ProofKernel& comb) noexcept {
        return comb.vector_lanes <= kernel.vector_lanes && comb.supported();
      });
  return *found;
}

}  // namespace pssst::crypto
