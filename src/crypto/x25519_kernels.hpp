/// The kernels that x25519.cpp's table is made of; everybody else goes through that table.
#pragma once

#include "crypto/x25519.hpp"

namespace pssst::crypto {

/// Plain C++ with 64-bit limbs, one lane at a time; for every x86-64 CPU.
LaneMask x25519_multiply_portable(const X25519Scalar* const* scalars, const Bytes32* points,
                                  Bytes32* out, std::size_t n) noexcept;

}  // namespace pssst::crypto
