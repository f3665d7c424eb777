/// What a ServerKey holds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "crypto/x25519.hpp"
#include "protocol/hpke.hpp"
#include "pssst/server.hpp"

namespace pssst {

struct ServerKey::Prepared {
  explicit Prepared(const PrivateKey& key) noexcept
      : scalar(key.bytes()), public_key(crypto::x25519_public(scalar)) {}

  crypto::X25519Scalar scalar;
  PublicKey public_key;
  std::array<char, kLabelSizeMax> label{};
  std::size_t label_size = 0;
  /// Suite 0xF002: of anonymous and of client-authenticated requests.
  std::array<protocol::hpke::KeyScheduleContext, 2> contexts{};
};

}  // namespace pssst
