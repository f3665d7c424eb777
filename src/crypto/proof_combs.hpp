/// The combs' common shape, as x25519_ladders.hpp has it for the ladders: plain pointers and
/// `static inline` helpers, so that a file compiled for a newer instruction set shares no inline
/// function with anybody.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"
#include "crypto/proof_table.hpp"

namespace pssst::crypto {

/// results[i] = scalars[i] * C for i < n, n from 1 to 64, C being the key of tables[i], which are
/// of the form that each comb wants: clamped scalars of 32 bytes each. The results' x and z are
/// loose; x, z or both are 0 modulo p where and only where X25519 gives zero. Constant time in
/// scalars; which table is read is not hidden. Leaves no secret in memory of its own or in vector
/// registers.
using ProofCombs = void(const std::uint8_t* const* scalars, const ProofTable* const* tables,
                        ProjectivePoint* results, std::size_t n) noexcept;

/// Plain C++, one lane at a time; for every x86-64 CPU. Centred limbs.
ProofCombs proof_combs_portable;
/// Four lanes, products in double precision; needs AVX2 and FMA. Sets MXCSR for as long as it
/// runs. Centred limbs.
ProofCombs proof_combs_avx2;
/// Eight lanes, 52-bit products; needs AVX-512 F, DQ and IFMA. Canonical.
ProofCombs proof_combs_avx512ifma;
/// The same instructions executed by a portable model of them: for tests where there is no IFMA.
ProofCombs proof_combs_avx512ifma_model;

}  // namespace pssst::crypto
