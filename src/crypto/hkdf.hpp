/// HKDF (RFC 5869) with SHA-256, for many lanes at once. As constant in time and as clean as
/// Sha256Engine.
///
/// A pseudorandom key (PRK) is used as an HMAC key, often several times: hkdf_expand() takes what
/// Sha256Engine::make_hmac_keys() made of it once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/sha256.hpp"

namespace pssst::crypto {

/// Bytes of the longest output (section 2.3).
inline constexpr std::size_t kHkdfSizeMax = 255 * kSha256Size;
/// Bytes of the longest info: in a lane's message a digest precedes it and a counter follows.
inline constexpr std::size_t kHkdfInfoSizeMax = kLaneMessageSizeMax - kSha256Size - 1;
inline constexpr std::size_t kHkdfInfoPartsMax = 8;

/// 32 bytes at prks[i] = HKDF-Extract(salts[i], ikm of lane i) (section 2.2); 1 to
/// kLaneMessageSizeMax bytes of ikm. A salt that was not provided is the HMAC key of no bytes.
void hkdf_extract(Sha256Engine& engine, const HmacKey* const* salts,
                  std::span<const MessagePart> ikm, std::uint8_t* const* prks,
                  std::size_t n) noexcept;

/// `size` bytes, 1 to kHkdfSizeMax, at okm[i] = HKDF-Expand(prks[i], info of lane i, size)
/// (section 2.3). The info has at most kHkdfInfoSizeMax bytes in at most kHkdfInfoPartsMax parts,
/// none of which lies in okm.
void hkdf_expand(Sha256Engine& engine, const HmacKey* const* prks,
                 std::span<const MessagePart> info, std::uint8_t* const* okm, std::size_t size,
                 std::size_t n) noexcept;

}  // namespace pssst::crypto
