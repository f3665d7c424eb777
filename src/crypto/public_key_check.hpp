/// Which 32-byte values may be somebody's public key.
#pragma once

#include "crypto/x25519.hpp"
#include "pssst/keys.hpp"

namespace pssst::crypto {

/// See pssst::check_public_key. That a point has prime order is found by halving it: six or seven
/// powers in the field, where multiplying by the group's order takes as long as seventeen. Variable
/// time: for public values.
[[nodiscard]] PublicKeyFault check_public_key(const Bytes32& u) noexcept;

}  // namespace pssst::crypto
