/// Which 32-byte values may be somebody's public key.
#pragma once

#include "crypto/x25519.hpp"
#include "pssst/keys.hpp"

namespace pssst::crypto {

/// See pssst::check_public_key. Prime order is l * C = O by an x-only ladder over the group order
/// l = 2^252 + 27742317777372353535851937790883648493 (RFC 7748, section 4.1); the twist by Euler's
/// criterion on u^3 + 486662 u^2 + u. Variable time: for public values.
[[nodiscard]] PublicKeyFault check_public_key(const Bytes32& u) noexcept;

}  // namespace pssst::crypto
