/// The generated part of the AVX-512 IFMA comb: see proof_comb_avx512ifma_step.py for what it
/// computes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/x25519_avx512ifma_step.hpp"

namespace pssst::crypto {

/// Of the first vectors of eight 64-bit words; those behind them are for spilled registers.
inline constexpr std::size_t kProofIfmaSlotX = 0, kProofIfmaSlotY = 5, kProofIfmaSlotZ = 10;
/// Of an entry: its sign in bit 63, y + x, y - x, 2 d x y, five limbs each.
inline constexpr std::size_t kProofIfmaEntryVectors = 16;

}  // namespace pssst::crypto

extern "C" {
/// For each of `count` (at least 1) entries: (X : Y : Z) = 2 (X : Y : Z) + entry, or less the entry
/// in lanes where it has a sign. All elements are reduced: limbs 0 to 3 count modulo 2^52, limb 4
/// is below 2^47 + 2^13. Both arrays are 64-byte aligned. Vector registers come back zero.
void proof_comb_avx512ifma_columns(std::uint64_t (*slots)[8], std::uint64_t count,
                                   const std::uint64_t (*entries)[8]);
}
