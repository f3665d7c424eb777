/// From the ladders' projective results to what callers want: bytes, or a comparison.
#pragma once

#include <cstddef>

#include "crypto/curve25519.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {

/// out[i] = the canonical x / z of results[i] for i < n, with one inversion for all (Montgomery's
/// trick); z is masked to 1 where it is zero, so that a point of small order in one lane changes
/// nothing in the others. Returns the lanes whose quotient is zero or has no denominator; their out
/// is zero. Constant time; wipes `results`.
[[nodiscard]] LaneMask x25519_to_bytes(ProjectivePoint* results, Bytes32* out,
                                       std::size_t n) noexcept;

/// Whether results[i] is expected[i], without an inversion: X == D * Z with D canonical and neither
/// side zero. Constant time; wipes `results`.
[[nodiscard]] X25519CheckResult x25519_compare(ProjectivePoint* results, const Bytes32* expected,
                                               std::size_t n) noexcept;

}  // namespace pssst::crypto
