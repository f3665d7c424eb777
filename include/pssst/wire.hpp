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
/// HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-128-GCM; replies may vary.
inline constexpr std::uint16_t kSuiteF002 = 0xf002;

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

// Suite 0xF002: header 4 | kid 4 | enc 32 | Seal(body) for an anonymous request, and with client
// authentication header 4 | kid 4 | enc 32 | box 48 | ciphertext | tag 16. Every reply: header 4 |
// rid 16 | snonce 16 | ciphertext | tag 16. The plaintext, the body: message length 2 | message |
// zeros.
inline constexpr std::size_t kKeyIdSize = 4;
inline constexpr std::size_t kLabelSizeMax = 64;  ///< bytes of a service's name
inline constexpr std::size_t kEncOffset = kHeaderSize + kKeyIdSize;
inline constexpr std::size_t kMessageLengthSize = 2;
inline constexpr std::size_t kReplyIdSize = 16;
inline constexpr std::size_t kServerNonceSize = 16;
/// Bytes around a message in each kind of datagram, padding aside.
inline constexpr std::size_t kF002OverheadSize =
    kEncOffset + kDhSize + kMessageLengthSize + kTagSize;
inline constexpr std::size_t kF002AuthOverheadSize = kF002OverheadSize + 32 + kTagSize;
inline constexpr std::size_t kF002ReplyOverheadSize =
    kHeaderSize + kReplyIdSize + kServerNonceSize + kMessageLengthSize + kTagSize;

/// The largest datagram that the server takes or sends, in bytes: IPv4 and UDP at an MTU of 1500.
inline constexpr std::size_t kDatagramSizeMax = 1472;
/// The largest reply message of suite 1, in bytes; other suites have a little less.
inline constexpr std::size_t kReplySizeMax = kDatagramSizeMax - kOverheadSize;

static_assert(kOverheadSize == 52 && kAuthOverheadSize == 116);
static_assert(kF002OverheadSize == 58 && kF002AuthOverheadSize == 106);
static_assert(kF002ReplyOverheadSize == 54);

}  // namespace pssst
