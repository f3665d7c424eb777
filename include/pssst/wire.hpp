/// The PSSST wire layout: constants, no code. Integers are big-endian.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst {

// flags u16 BE | suite u16 BE | the suite's own bytes
inline constexpr std::size_t kHeaderSize = 4;
inline constexpr std::uint16_t kFlagReply = 0x8000;
inline constexpr std::uint16_t kFlagClientAuth = 0x4000;

inline constexpr std::uint16_t kSuite1 = 1;  ///< X25519, SHA-256, AES-128-GCM

// Suite 1: header 4 | dh 32 | ciphertext n | tag 16; with client authentication the plaintext
// begins with C 32 | e 32.
inline constexpr std::size_t kDhOffset = kHeaderSize;
inline constexpr std::size_t kDhSize = 32;
inline constexpr std::size_t kCiphertextOffset = kDhOffset + kDhSize;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kProofSize = 64;
/// Bytes around an anonymous request's message, and around every reply's.
inline constexpr std::size_t kOverheadSize = kCiphertextOffset + kTagSize;
/// Bytes around a client-authenticated request's message.
inline constexpr std::size_t kAuthOverheadSize = kOverheadSize + kProofSize;

/// The largest datagram that the server takes or sends, in bytes: IPv4 and UDP at an MTU of 1500.
inline constexpr std::size_t kDatagramSizeMax = 1472;
/// The largest reply message of suite 1, in bytes.
inline constexpr std::size_t kReplySizeMax = kDatagramSizeMax - kOverheadSize;

static_assert(kOverheadSize == 52 && kAuthOverheadSize == 116);

}  // namespace pssst
