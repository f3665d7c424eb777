/// X25519(e, C) == dh by what was precomputed of C (proof_table.hpp): one contract, one kernel per
/// instruction set.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "crypto/proof_table.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {

/// Constant time in scalars and `expected`; which table is read is not hidden. No kernel keeps
/// state, allocates or throws.
struct ProofKernel {
  std::string_view name;
  std::size_t vector_lanes;  ///< 1 for scalar kernels
  ProofForm form;            ///< of its tables
  bool (*supported)() noexcept;
  /// What X25519Kernel::check() says for the keys of `tables`, bit by bit. n is at most
  /// kX25519LanesMax.
  X25519CheckResult (*check)(const X25519Scalar* const* scalars, const ProofTable* const* tables,
                             const Bytes32* expected, std::size_t n) noexcept;
};

/// All that were built, widest first; whether this CPU runs them is another question.
[[nodiscard]] std::span<const ProofKernel> proof_kernels() noexcept;
/// The one of `kernel`'s name; if there is none, the first supported one that is no wider: so it
/// needs no instructions that the user chose to do without.
[[nodiscard]] const ProofKernel& proof_kernel_beside(const X25519Kernel& kernel) noexcept;

}  // namespace pssst::crypto
