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

bool has_avx512ifma() noexcept {
  return base::cpu_features().avx512f && base::cpu_features().avx512dq &&
         base::cpu_features().avx512ifma;
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

template <ProofCombs& kCombs>
constexpr ProofKernel make_kernel(std::string_view name, std::size_t vector_lanes, ProofForm form,
                                  bool (*supported)() noexcept) noexcept {
  return {.name = name,
          .vector_lanes = vector_lanes,
          .form = form,
          .supported = supported,
          .check = check<kCombs>};
}

// Widest first; the portable one and what stands behind it run everywhere.
constexpr std::array kKernels{
    make_kernel<proof_combs_avx512ifma>("avx512ifma", 8, ProofForm::kCanonical, has_avx512ifma),
    make_kernel<proof_combs_avx2>("avx2", 4, ProofForm::kCentredLimbs, has_avx2_and_fma),
    make_kernel<proof_combs_portable>("portable", 1, ProofForm::kCentredLimbs, always_supported),
    make_kernel<proof_combs_avx512ifma_model>("avx512ifma_model", 8, ProofForm::kCanonical,
                                              always_supported),
};

}  // namespace

std::span<const ProofKernel> proof_kernels() noexcept {
  return kKernels;
}

const ProofKernel& proof_kernel_beside(const X25519Kernel& kernel) noexcept {
  const auto* const namesake = std::ranges::find(kKernels, kernel.name, &ProofKernel::name);
  if (namesake != kKernels.end()) return *namesake;
  return *std::ranges::find_if(kKernels, [&](const ProofKernel& comb) noexcept {
    return comb.vector_lanes <= kernel.vector_lanes && comb.supported();
  });
}

}  // namespace pssst::crypto
