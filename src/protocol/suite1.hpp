/// Suite 1: X25519, SHA-256, AES-128-GCM.
///
///     okm    SHA-256(dh as on the wire || shared secret), 32 bytes
///     key    okm[0:16], for the request and for its reply
///     nonce  request okm[16:24] || "RQST", reply okm[24:32] || "RPLY"
///     AAD    the packet's own four header bytes
///
/// A suite parses, derives, opens and seals. It never multiplies: whoever calls it does that for
/// all lanes of all suites at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/wire.hpp"

namespace pssst::protocol::suite1 {

/// `datagram` has at least kOverheadSize bytes.
[[nodiscard]] crypto::Bytes32 read_dh(std::span<const std::uint8_t> datagram) noexcept;

// The server's side. `lanes` are lane numbers of `burst`.

/// key_material of each of `lanes` from its dh and shared_secret.
void derive(crypto::SymmetricEngine& engine, RequestBurst& burst,
            std::span<const std::uint8_t> lanes) noexcept;

/// Opens one lane into its plaintext space and sets message and message_size. kNone, or kTag or
/// kProofTooShort with zeros in the plaintext space. Leaves the key in the engine, for the reply.
[[nodiscard]] DropReason open_request(crypto::SymmetricEngine& engine, RequestBurst& burst,
                                      std::size_t lane) noexcept;

/// The client key C and the ephemeral key e of an opened client-authenticated lane.
[[nodiscard]] std::span<const std::uint8_t, 32> proof_client_key(const RequestBurst& burst,
                                                                 std::size_t lane) noexcept;
[[nodiscard]] std::span<const std::uint8_t, 32> proof_ephemeral_key(const RequestBurst& burst,
                                                                    std::size_t lane) noexcept;

/// Seals reply_size bytes at reply_space(lane), at most kReplySizeMax, where they are, and sets
/// reply_datagram_size. Leaves the key in the engine.
void seal_reply(crypto::SymmetricEngine& engine, RequestBurst& burst, std::size_t lane) noexcept;

// The client's side.

/// key_material = SHA-256(dh || shared_secret).
void derive(crypto::SymmetricEngine& engine, const crypto::Bytes32& dh,
            const crypto::Bytes32& shared_secret, crypto::Bytes32& key_material) noexcept;

/// What goes before the message of a client-authenticated request.
struct Proof {
  const crypto::Bytes32& client_key;
  const crypto::Bytes32& ephemeral_key;
};

/// Writes a whole request: `datagram` has exactly the bytes that it needs. `proof` null: anonymous.
/// `datagram` and `message` do not overlap. Clears the engine's keys.
void seal_request(crypto::SymmetricEngine& engine, const crypto::Bytes32& key_material,
                  const crypto::Bytes32& dh, const Proof* proof,
                  std::span<const std::uint8_t> message, std::span<std::uint8_t> datagram) noexcept;

/// Opens a reply whose header and dh were compared already: `datagram` has at least kOverheadSize
/// bytes, `message` kOverheadSize fewer. False, and zeros in `message`, if the tag is wrong. Clears
/// the engine's keys.
[[nodiscard]] bool open_reply(crypto::SymmetricEngine& engine, const crypto::Bytes32& key_material,
                              std::span<const std::uint8_t> datagram,
                              std::span<std::uint8_t> message) noexcept;

}  // namespace pssst::protocol::suite1
