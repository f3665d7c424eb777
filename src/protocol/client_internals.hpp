/// What the public Client keeps to itself, for known-answer tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/x25519.hpp"
#include "protocol/suite_f002.hpp"
#include "pssst/client.hpp"

namespace pssst::protocol {

struct ClientInternals {
  /// Client::seal() under a given ephemeral key, which a client-authenticated request of suite 1
  /// carries as it is given here. Two messages under one key reveal each other.
  [[nodiscard]] static std::size_t seal(Client& client, const crypto::Bytes32& ephemeral_key,
                                        std::span<const std::uint8_t> message,
                                        std::span<std::uint8_t> datagram, PendingRequest& pending,
                                        std::size_t padding_size = 0) noexcept;

  /// Makes `pending` wait for the reply to a request of suite 1 sealed elsewhere.
  static void expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                           const crypto::Bytes32& dh, const crypto::Bytes32& key_material) noexcept;
  /// The same in suite 0xF002.
  static void expect_reply(PendingRequest& pending, std::uint16_t request_flags,
                           const suite_f002::ReplyExpectation& reply) noexcept;
};

}  // namespace pssst::protocol
