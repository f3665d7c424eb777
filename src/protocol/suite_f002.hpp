/// Suite 0xF002: HPKE (RFC 9180) in base mode; known clients by a static secret; replies under a
/// key of their own each.
///
///     kid    SHA-256("PSSST key id" || 0 || suite || S || label)[0:4]
///     info   "PSSST request" || 0 || flags || suite || kid || label
///     body   message length, two bytes || message || zeros
///
///     anonymous  flags | suite | kid | enc | Seal(body)
///                rs 32 || rid 16 = Export("PSSST reply", 48)
///     client     flags | suite | kid | enc | box = Seal(C) | ciphertext | tag
///                prk = Extract(Export("PSSST client", 32), X25519(s, C) || C)
///                key 16 || nonce 12 || rs 32 || rid 16 = Expand(prk, "PSSST client request", 76)
///                AAD: box
///     reply      flags | suite | rid | snonce | ciphertext | tag
///                key 16 || nonce 12 =
///                    Expand(rs, "PSSST reply" || snonce || the request's last 16 bytes, 28)
///                AAD: the 36 bytes before the ciphertext
///
/// Like every suite it never multiplies: whoever calls it does that for all lanes of all suites at
/// once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "protocol/hedged_bytes.hpp"
#include "protocol/hpke.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/keys.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/wire.hpp"

namespace pssst::protocol::suite_f002 {

inline constexpr std::size_t kBoxOffset = kEncOffset + kDhSize;
inline constexpr std::size_t kBoxSize = 32 + kTagSize;
inline constexpr std::size_t kTextOffset = kBoxOffset + kBoxSize;  ///< with client authentication
inline constexpr std::size_t kReplyIdOffset = kHeaderSize;
inline constexpr std::size_t kServerNonceOffset = kReplyIdOffset + kReplyIdSize;
inline constexpr std::size_t kReplyTextOffset = kServerNonceOffset + kServerNonceSize;

// What depends on (flags, key, label) alone.

[[nodiscard]] KeyId make_key_id(crypto::Sha256Engine& engine, const PublicKey& server,
                                std::string_view label) noexcept;
[[nodiscard]] hpke::KeyScheduleContext make_context(crypto::Sha256Engine& engine,
                                                    bool authenticated, const KeyId& key_id,
                                                    std::string_view label) noexcept;

/// The message in a body.
struct ParsedBody {
  bool length_fits = false;   ///< the message length does not go past the end
  bool padding_zero = false;  ///< and nothing but zeros follows the message
  std::size_t message_size = 0;
};
[[nodiscard]] ParsedBody parse_body(std::span<const std::uint8_t> body) noexcept;

/// key 16 || nonce 12 at out[i], for a reply, of rs at secrets[i], snonce and request tag.
class ReplyKeys {
 public:
  void derive(crypto::Sha256Engine& engine, const std::uint8_t* const* secrets,
              const std::uint8_t* const* snonces, const std::uint8_t* const* request_tags,
              std::uint8_t* const* out, std::size_t n) noexcept;

 private:
  std::array<crypto::HmacKey, kBurstLanesMax> keys_{};
};

/// The second stage: of HPKE's export "PSSST client", the static secret and C, 76 bytes each.
class ClientKeys {
 public:
  static constexpr std::size_t kSize = 76;
  static constexpr std::size_t kReplySecretOffset = 28;

  /// `out` holds kSize bytes a lane.
  void derive(crypto::Sha256Engine& engine, const std::uint8_t* const* exports,
              const std::uint8_t* const* static_secrets, const std::uint8_t* const* client_keys,
              std::uint8_t* const* out, std::size_t n) noexcept;

 private:
  std::array<crypto::HmacKey, kBurstLanesMax> keys_{};
  std::array<crypto::Bytes32, kBurstLanesMax> prks_{};
};

/// The server's side: scratch memory of one thread, to be kept in secret pages. `lanes` are lane
/// numbers of `burst`, all of this suite.
class ServerStages {
 public:
  explicit ServerStages(crypto::SymmetricEngine& engine) noexcept;

  /// key_material (key || nonce) of each of `lanes` from enc and shared_secret, and reply_secret:
  /// rs || rid, or for client-authenticated lanes the export that derive_client() wants.
  void derive(crypto::SymmetricEngine& engine, RequestBurst& burst,
              std::span<const std::uint8_t> lanes) noexcept;

  /// Opens what HPKE has sealed: a whole anonymous request, with message and message_size; or C, to
  /// the front of the plaintext space. kNone; or kTag, kMessageLength or kPadding, with zeros in
  /// the plaintext space.
  [[nodiscard]] static DropReason open_request(crypto::SymmetricEngine& engine, RequestBurst& burst,
                                               std::size_t lane) noexcept;

  /// key_material and reply_secret of each of `lanes`, opened and client-authenticated, from C and
  /// static_secrets[i] = X25519(s, C) of lanes[i].
  void derive_client(crypto::SymmetricEngine& engine, RequestBurst& burst,
                     std::span<const std::uint8_t> lanes,
                     const crypto::Bytes32* const* static_secrets) noexcept;

  /// Opens the rest behind C, with message and message_size. kNone; or kClientTag, kMessageLength
  /// or kPadding, with zeros in all of the plaintext space.
  [[nodiscard]] static DropReason open_client_text(crypto::SymmetricEngine& engine,
                                                   RequestBurst& burst, std::size_t lane) noexcept;

  /// Puts a snonce into the reply of each of `lanes`, for the reply_size bytes at
  /// reply_space(lane), which they fit.
  static void draw_snonces(crypto::SymmetricEngine& engine, HedgedBytes& hedged,
                           RequestBurst& burst, std::span<const std::uint8_t> lanes) noexcept;
  /// Seals the replies where they are, under the snonces that stand there, and sets
  /// reply_datagram_size. Leaves keys in the engine.
  void seal_replies(crypto::SymmetricEngine& engine, RequestBurst& burst,
                    std::span<const std::uint8_t> lanes) noexcept;

 private:
  template <class T>
  using Lanes = std::array<T, kBurstLanesMax>;

  hpke::KeySchedule schedule_;
  ClientKeys client_keys_;
  ReplyKeys reply_keys_;
  Lanes<std::array<std::uint8_t, ClientKeys::kSize>> client_okm_{};
};

// The client's side.

/// What a client of this suite keeps of its server and itself. In secret pages.
struct ClientState {
  ClientState(crypto::SymmetricEngine& engine) noexcept : schedule(engine.sha256()) {}

  PublicKey server{};
  KeyId key_id{};
  hpke::KeyScheduleContext context{};
  bool authenticated = false;
  crypto::Bytes32 client_key{};
  crypto::Bytes32 static_secret{};
  // Scratch.
  hpke::KeySchedule schedule;
  ClientKeys client_keys;
  ReplyKeys reply_keys;
};

/// What opens the reply to a request.
struct ReplyExpectation {
  std::array<std::uint8_t, 32> secret{};  ///< rs
  std::array<std::uint8_t, kReplyIdSize> reply_id{};
  std::array<std::uint8_t, kTagSize> request_tag{};
};

/// Writes a whole request, of enc and X25519(e, S): `datagram` has exactly the bytes that the
/// message needs, and as many more as there is to be padding. They do not overlap. Clears the
/// engine's keys.
void seal_request(crypto::SymmetricEngine& engine, ClientState& client, const crypto::Bytes32& enc,
                  const crypto::Bytes32& shared_secret, std::span<const std::uint8_t> message,
                  std::span<std::uint8_t> datagram, ReplyExpectation& reply) noexcept;

enum class OpenedReply : std::uint8_t { kGood, kTag, kMessageLength, kPadding };
/// Opens a reply whose header and rid were compared already: `datagram` has at least
/// kF002ReplyOverheadSize bytes, `message` 52 fewer than it. The message's size, or zeros in all of
/// `message`. Clears the engine's keys.
[[nodiscard]] OpenedReply open_reply(crypto::SymmetricEngine& engine, ClientState& client,
                                     const ReplyExpectation& reply,
                                     std::span<const std::uint8_t> datagram,
                                     std::span<std::uint8_t> message,
                                     std::size_t& message_size) noexcept;

}  // namespace pssst::protocol::suite_f002
