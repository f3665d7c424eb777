/// What the public Client keeps to itself, for known-answer tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/x25519.hpp"
#include "pssst/client.hpp"

namespace pssst::protocol {

struct ClientInternals {
  /// Client::seal() under a given ephemeral key, which a client-authenticated request carries as
  /// it is given here. Two messages under one key reveal each other.
  [[nodiscard]] static std::size_t seal(Client& client, const crypto::Bytes32& ephemeral_key,
                                        std::span<const std::uint8_t> message,
                                        std::span<std::uint8_t> datagram,
                                        PendingRequest& pending) noexcept;

  /// Makes `pending` wait for the reply to a request sealed elsewhere.
  static void expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                           const crypto::Bytes32& dh, const crypto::Bytes32& key_material) noexcept;
};

}  // namespace pssst::protocol
