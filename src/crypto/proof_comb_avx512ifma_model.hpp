/// The AVX-512 IFMA comb in plain C++: the instructions of the assembly, one by one, as
/// x25519_avx512ifma_model.hpp has them. For tests where there is no IFMA.
#pragma once

#include "crypto/proof_comb_avx512ifma_step.hpp"
#include "crypto/x25519_avx512ifma_model.hpp"

namespace pssst::crypto {

/// One column; generated.
void proof_comb_avx512ifma_model_column(IfmaRegisters& registers, IfmaLanes* slots,
                                        const IfmaLanes* entry) noexcept;

}  // namespace pssst::crypto
