/// HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM, for
/// many lanes at once: all but the multiplication and the AEAD.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/hkdf.hpp"
#include "crypto/sha256.hpp"
#include "crypto/x25519.hpp"

namespace pssst::protocol::hpke {

inline constexpr std::size_t kNkSize = 16;  ///< of the AEAD's key
inline constexpr std::size_t kNnSize = 12;  ///< of its nonce

/// key_schedule_context (section 5.1): mode, psk_id_hash, info_hash. Of the key schedule, all that
/// can be computed before enc is known.
using KeyScheduleContext = std::array<std::uint8_t, 1 + 2 * crypto::kSha256Size>;

/// Bytes of the longest info, and of the longest exporter context.
inline constexpr std::size_t kHpkeInfoSizeMax = 180;
[[nodiscard]] KeyScheduleContext make_key_schedule_context(
    crypto::Sha256Engine& engine, std::span<const std::uint8_t> info) noexcept;

/// One pointer a lane: the 32 bytes of X25519(private key, the other's public key), of enc and of
/// the recipient's public key, and the context.
struct LaneInputs {
  const std::uint8_t* const* dh = nullptr;
  const std::uint8_t* const* enc = nullptr;
  const std::uint8_t* const* public_key = nullptr;
  const std::uint8_t* const* context = nullptr;
};

/// The key schedules of up to kX25519LanesMax lanes. Constant time. Keep it in secret pages: it
/// holds exporter secrets from derive() to wipe(), of which nothing else is left behind.
class KeySchedule {
 public:
  explicit KeySchedule(crypto::Sha256Engine& engine) noexcept;

  /// kNkSize bytes at keys[i] and kNnSize at nonces[i]: key and base_nonce of lane i, which is also
  /// the nonce of the first message. The recipient's and the sender's side are the same.
  void derive(crypto::Sha256Engine& engine, const LaneInputs& inputs, std::uint8_t* const* keys,
              std::uint8_t* const* nonces, std::size_t n) noexcept;

  /// `size` bytes at out[k] = Context.Export(exporter_context, size) (section 5.3) of lane lanes[k]
  /// of the last derive(). At most kHpkeInfoSizeMax bytes of context.
  void export_secrets(crypto::Sha256Engine& engine, std::span<const std::uint8_t> lanes,
                      std::span<const std::uint8_t> exporter_context, std::uint8_t* const* out,
                      std::size_t size) noexcept;

  /// Forgets the exporter secrets of the lanes 0 to n-1.
  void wipe(std::size_t n) noexcept;

 private:
  template <class T>
  using Lanes = std::array<T, crypto::kX25519LanesMax>;

  void use_secrets_as_keys(crypto::Sha256Engine& engine, std::size_t n) noexcept;

  crypto::HmacKey no_salt_;
  Lanes<const crypto::HmacKey*> no_salts_;
  Lanes<const crypto::HmacKey*> key_pointers_;
  Lanes<crypto::HmacKey*> key_targets_;
  Lanes<std::uint8_t*> secret_targets_;
  Lanes<const std::uint8_t*> secret_pointers_;
  // Secret.
  alignas(64) Lanes<crypto::HmacKey> keys_;
  alignas(64) Lanes<crypto::Bytes32> secrets_;
};

}  // namespace pssst::protocol::hpke
