/// The generated part of the AVX2 comb: see proof_comb_avx2_step.py for what it computes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

/// Vectors of four doubles: X, Y, Z, five limbs each, and room for spilled registers.
inline constexpr std::size_t kProofAvx2Slots = 64;
inline constexpr std::size_t kProofAvx2SlotX = 0, kProofAvx2SlotY = 5, kProofAvx2SlotZ = 10;
/// Of an entry: y + x, y - x, 2 d x y, five limbs each.
inline constexpr std::size_t kProofAvx2EntryVectors = 15;

}  // namespace pssst::crypto

extern "C" {
/// For each of `count` (at least 1) entries: (X : Y : Z) = 2 (X : Y : Z) + entry, all reduced. Both
/// arrays are 32-byte aligned. Vector registers come back zero.
void proof_comb_avx2_columns(double (*slots)[4], std::uint64_t count, const double (*entries)[4]);
}
