/// What a ServerKey holds.
#pragma once

#include "crypto/x25519.hpp"
#include "pssst/server.hpp"

namespace pssst {

struct ServerKey::Prepared {
  explicit Prepared(const PrivateKey& key) noexcept
      : scalar(key.bytes()), public_key(crypto::x25519_public(scalar)) {}

  crypto::X25519Scalar scalar;
  PublicKey public_key;
};

}  // namespace pssst
