/// The kernels' common shape: each instruction set supplies ladders, which give projective results;
/// x25519_affine.hpp makes bytes of them. Plain pointers and `static inline` helpers, so that a
/// file compiled for a newer instruction set shares no inline function with anybody.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"

namespace pssst::crypto {

/// results[i] = scalars[i] * points[i] for i < n, n from 1 to 64: clamped scalars of 32 bytes each;
/// points of 32 bytes side by side, bit 255 ignored, every value taken modulo p. The results' x and
/// z are loose; z is 0 modulo p where the point has small order. Constant time in scalars and
/// points; leaves no secret in memory of its own or in vector registers.
using X25519Ladders = void(const std::uint8_t* const* scalars, const std::uint8_t* points,
                           ProjectivePoint* results, std::size_t n) noexcept;

/// Plain C++ with 64-bit limbs, one lane at a time; for every x86-64 CPU.
X25519Ladders x25519_ladders_portable;
/// 64-bit words and BMI2's mulx, one lane at a time; needs BMI2.
X25519Ladders x25519_ladders_mulx;
/// Four lanes, products in double precision; needs AVX2 and FMA. Sets MXCSR for as long as it runs.
X25519Ladders x25519_ladders_avx2;
/// Five lanes: those four, and one of x25519_ladders_mulx in the same stream of instructions; needs
/// BMI2 as well.
X25519Ladders x25519_ladders_avx2_mulx;
/// Four lanes in intrinsics: slower, and what the generated step is compared with.
X25519Ladders x25519_ladders_avx2_readable;
/// Eight lanes, 52-bit products; needs AVX-512 F, DQ and IFMA. x25519_avx512ifma.cpp and the
/// generated x25519_avx512ifma_step.cpp serve without an operating system as well: they need
/// memset() and memcpy(), 16 KiB of stack and zmm registers enabled (CR4.OSXSAVE, XCR0 = 0xe7), and
/// nothing is initialised at start; a result is field_multiply(x, field_invert(z)).
X25519Ladders x25519_ladders_avx512ifma;
/// The same instructions executed by a portable model of them: for tests where there is no IFMA.
X25519Ladders x25519_ladders_avx512ifma_model;

}  // namespace pssst::crypto
