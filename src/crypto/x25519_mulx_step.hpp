/// The generated part of the mulx kernel: see x25519_mulx_step.py for what it computes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

/// Words that a step uses: A, B, C, D and the point's u, four each, the select word, and room for
/// what it computes on the way.
inline constexpr std::size_t kMulxSlots = 64;
inline constexpr std::size_t kMulxSlotA = 0, kMulxSlotB = 4, kMulxSlotC = 8, kMulxSlotD = 12,
                             kMulxSlotU = 16, kMulxSlotSelect = 60;

}  // namespace pssst::crypto

extern "C" {
/// `count` (at least 1) ladder steps on A, B, C, D, all below 2^256, as U is. A step doubles (A,
/// B), or (C, D) if the select word has bit 63 set, into (A, B), and puts the differential sum into
/// (C, D); then it shifts the select word left. Constant time. Scratch registers come back zero.
void x25519_mulx_ladder_steps(std::uint64_t* slots, std::uint64_t count);
/// `count` (at least 1) doublings of (A, B).
void x25519_mulx_doublings(std::uint64_t* slots, std::uint64_t count);
}
