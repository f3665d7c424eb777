/// The generated part of the five-lane kernel: see x25519_avx2_mulx_assemble.py.
#pragma once

#include "crypto/x25519_avx2_step.hpp"
#include "crypto/x25519_mulx_step.hpp"

namespace pssst::crypto {

/// Four lanes as x25519_avx2_step.hpp has them, then one as x25519_mulx_step.hpp has it.
struct alignas(64) Avx2MulxSlots {
  double vector[kAvx2Slots][4];
  std::uint64_t scalar[kMulxSlots];
};

}  // namespace pssst::crypto

extern "C" {
/// What x25519_avx2_ladder_steps and x25519_mulx_ladder_steps do, both `count` times (at least 1).
/// Constant time. Vector registers and scratch registers come back zero.
void x25519_avx2_mulx_ladder_steps(pssst::crypto::Avx2MulxSlots* slots, std::uint64_t count);
/// The same of x25519_avx2_doublings and x25519_mulx_doublings.
void x25519_avx2_mulx_doublings(pssst::crypto::Avx2MulxSlots* slots, std::uint64_t count);
}
