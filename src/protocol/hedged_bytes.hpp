/// Bytes that are unique even where the random generator is not: snonces of replies, ephemeral
/// keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/secret_memory.hpp"
#include "crypto/sha256.hpp"
#include "crypto/symmetric.hpp"

namespace pssst::protocol {

/// A keyed hash over fresh randomness and what the bytes are to be used for: HMAC-SHA256 of the
/// randomness, an id and a digest of the text. The digest is AES-GCM's tag of the text under a key
/// and a nonce that serve nothing else; it never leaves, so that a collision cannot be sought.
/// Whatever goes wrong with the randomness, a virtual machine that is resumed twice for instance,
/// other ids or texts give other bytes.
///
/// One per thread. The keys are drawn from the operating system at the first use and, as their page
/// is empty in a forked child, anew after a fork. They are wiped on destruction.
class HedgedBytes {
 public:
  using Block = std::array<std::uint8_t, 16>;
  using Fresh = std::array<std::uint8_t, 16>;

  /// What one lane's bytes are for.
  struct Use {
    const std::uint8_t* id = nullptr;  ///< 16 bytes
    std::span<const std::uint8_t> text{};
  };

  HedgedBytes();

  /// The first `size` bytes, at most 32, for uses[i] at out[i]. At most kX25519LanesMax lanes. Uses
  /// the engine's last slot, and leaves a key there until its clear_keys().
  void draw(crypto::SymmetricEngine& engine, std::span<const Use> uses, std::uint8_t* const* out,
            std::size_t size) noexcept;
  /// The same from given randomness, for tests.
  void draw_from(crypto::SymmetricEngine& engine, const Fresh& fresh, std::span<const Use> uses,
                 std::uint8_t* const* out, std::size_t size) noexcept;

  /// Mixes a secret of this device, at most kLaneMessageSizeMax - 32 bytes, into the keys.
  void add_device_secret(crypto::SymmetricEngine& engine,
                         std::span<const std::uint8_t> secret) noexcept;

 private:
  struct State {
    std::uint64_t keyed = 0;  ///< 0: no keys yet, or a forked child's empty page
    crypto::HmacKey key{};
    std::array<std::uint8_t, crypto::kAesKeySize> digest_key{};
    std::array<Block, crypto::kX25519LanesMax> digests{};
  };
  void draw_keys(crypto::SymmetricEngine& engine, std::span<const std::uint8_t> more) noexcept;

  base::SecretPointer<State> state_;
};

}  // namespace pssst::protocol
