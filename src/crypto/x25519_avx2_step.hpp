/// The generated part of the AVX2 kernel: see x25519_avx2_step.py for what it computes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

/// Vectors of four doubles that a step uses: A, B, C, D and the point's u, five limbs each, the
/// select word, and room for spilled registers.
inline constexpr std::size_t kAvx2Slots = 64;
inline constexpr std::size_t kAvx2SlotA = 0, kAvx2SlotB = 5, kAvx2SlotC = 10, kAvx2SlotD = 15,
                             kAvx2SlotU1 = 20, kAvx2SlotSelect = 25;

}  // namespace pssst::crypto

extern "C" {
/// `count` (at least 1) ladder steps on A, B, C, D, all reduced. A step doubles (A, B), or (C, D)
/// in lanes whose select word has bit 63 set, into (A, B), and puts the differential sum into (C,
/// D); then it shifts the select word left. `slots` is 32-byte aligned. Vector registers come back
/// zero.
void x25519_avx2_ladder_steps(double (*slots)[4], std::uint64_t count);
/// `count` (at least 1) doublings of (A, B).
void x25519_avx2_doublings(double (*slots)[4], std::uint64_t count);
}
