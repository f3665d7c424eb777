/// The generated part of the AVX-512 IFMA kernel: see x25519_avx512ifma_step.py for what it
/// computes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

inline constexpr std::size_t kIfmaLanes = 8;
/// Vectors of eight 64-bit words that a step uses: A, B, C, D and the point's u, five limbs each,
/// the select word, and room for spilled registers.
inline constexpr std::size_t kIfmaSlots = 80;
inline constexpr std::size_t kIfmaSlotA = 0, kIfmaSlotB = 5, kIfmaSlotC = 10, kIfmaSlotD = 15,
                             kIfmaSlotU1 = 20, kIfmaSlotSelect = 25;

}  // namespace pssst::crypto

extern "C" {
/// `count` (at least 1) ladder steps on A, B, C, D, of `first` and `second` in turn. Each is a
/// vector's memory, 64-byte aligned; two vectors take 5 % less time than one after the other,
/// because one's last carries overlap with the other's first products. One vector alone is named
/// twice, and then all steps are its own.
///
/// A step doubles (A, B), or (C, D) in lanes whose select word has bit 63 set, into (A, B), and
/// puts the differential sum into (C, D); then it shifts the select word left. All elements are
/// reduced: limbs 0 to 3 count modulo 2^52, limb 4 is below 2^47 + 2^13. Vector registers come back
/// zero.
void x25519_avx512ifma_ladder_steps(std::uint64_t (*first)[8], std::uint64_t count,
                                    std::uint64_t (*second)[8]);
/// `count` (at least 1) doublings of (A, B), likewise.
void x25519_avx512ifma_doublings(std::uint64_t (*first)[8], std::uint64_t count,
                                 std::uint64_t (*second)[8]);
}
