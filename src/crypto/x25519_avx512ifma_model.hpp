/// The instructions of the AVX-512 IFMA kernel in plain C++: a generated file calls them in the
/// order, and on the registers and memory, of the assembly. Constant time in what the lanes hold.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/x25519_avx512ifma_step.hpp"

namespace pssst::crypto {

using IfmaLanes = std::uint64_t[kIfmaLanes];

struct IfmaRegisters {
  IfmaLanes zmm[32];
  IfmaLanes mask;  ///< k1; all ones or zero
};

/// `count` rounds of what x25519_avx512ifma_step.hpp declares, on the same memory.
void x25519_avx512ifma_model_ladder_steps(IfmaLanes* first, std::uint64_t count,
                                          IfmaLanes* second) noexcept;
void x25519_avx512ifma_model_doublings(IfmaLanes* first, std::uint64_t count,
                                       IfmaLanes* second) noexcept;

/// One round each; generated.
void x25519_avx512ifma_model_ladder_step(IfmaRegisters& registers, IfmaLanes* slots) noexcept;
void x25519_avx512ifma_model_doubling(IfmaRegisters& registers, IfmaLanes* slots) noexcept;

}  // namespace pssst::crypto
