/// What both sides of suite 0xF002 do with one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/symmetric.hpp"
#include "crypto/x25519.hpp"
#include "pssst/wire.hpp"

namespace pssst::protocol::suite_f002 {

inline constexpr std::string_view kExportReply = "PSSST reply";
inline constexpr std::string_view kExportClient = "PSSST client";
inline constexpr std::size_t kReplySecretSize = 32 + kReplyIdSize;  ///< rs || rid
inline constexpr std::size_t kAeadKeySize = crypto::kAesKeySize + crypto::kGcmNonceSize;

/// `key` is key 16 || nonce 12 || anything. Opens `sealed`, a ciphertext and its tag. False, and
/// zeros in `out`, if the tag is wrong.
[[nodiscard]] inline bool open_text(crypto::SymmetricEngine& engine, std::size_t slot,
                                    const crypto::Bytes32& key, std::span<const std::uint8_t> aad,
                                    std::span<const std::uint8_t> sealed,
                                    std::uint8_t* out) noexcept {
  const std::size_t size = sealed.size() - kTagSize;
  engine.set_key(slot, std::span(key).first<crypto::kAesKeySize>(), size);
  return engine.open(slot, std::span(key).subspan<crypto::kAesKeySize, crypto::kGcmNonceSize>(),
                     aad, sealed.data(), size, sealed.last<kTagSize>(), out);
}

/// Seals where it is what stands in all of `text` but its last 16 bytes, where the tag goes.
inline void seal_text(crypto::SymmetricEngine& engine, std::size_t slot, const crypto::Bytes32& key,
                      std::span<const std::uint8_t> aad, std::span<std::uint8_t> text) noexcept {
  const std::size_t size = text.size() - kTagSize;
  engine.set_key(slot, std::span(key).first<crypto::kAesKeySize>(), size);
  engine.seal(slot, std::span(key).subspan<crypto::kAesKeySize, crypto::kGcmNonceSize>(), aad,
              text.data(), size, text.data(), text.last<kTagSize>());
}

inline void put_message_length(std::size_t size, std::uint8_t* at) noexcept {
  at[0] = static_cast<std::uint8_t>(size >> 8);
  at[1] = static_cast<std::uint8_t>(size & 0xff);
}

}  // namespace pssst::protocol::suite_f002
