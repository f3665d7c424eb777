/// What pssstd and the backends of the handler `forward` send each other, one Unix datagram each
/// way. Integers are big-endian.
///
///     to a backend    "PSF1" | flags 1 | metadata size 1 | suite 2 | token 8 | client key 32 |
///                     metadata | message
///     from a backend  "PSF1" | kind 1 | zeros 3 | token 8 | reply
///
/// Flag 1: the client is authenticated; without it the client key is zeros, and there is no
/// metadata. Kind 0: a reply, of 1,420 bytes at most, in suite 0xF002 of 1,418. Kind 1: no reply;
/// the reply is empty. A token is opaque, and comes back as it was.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "pssst/handler.hpp"
#include "pssst/keys.hpp"

namespace pssst::server {

inline constexpr std::array<std::uint8_t, 4> kForwardMagic{'P', 'S', 'F', '1'};
inline constexpr std::size_t kForwardRequestHeaderSize = 48;
inline constexpr std::size_t kForwardReplyHeaderSize = 16;
inline constexpr std::uint8_t kForwardAuthenticated = 1;
inline constexpr std::uint8_t kForwardReply = 0;
inline constexpr std::uint8_t kForwardNoReply = 1;

inline void put_u64(std::uint64_t value, std::uint8_t* at) noexcept {
  for (int i = 7; i >= 0; --i, value >>= 8) at[i] = static_cast<std::uint8_t>(value & 0xff);
}
[[nodiscard]] inline std::uint64_t read_u64(const std::uint8_t* at) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | at[i];
  return value;
}

/// The bytes before the message.
struct ForwardHeader {
  std::array<std::uint8_t, kForwardRequestHeaderSize + kClientMetadataSizeMax> bytes{};
  std::size_t size = 0;

  /// `client` null: anonymous. The token is still to be set.
  void set(std::uint16_t suite, const Identity* client) noexcept {
    std::memcpy(bytes.data(), kForwardMagic.data(), kForwardMagic.size());
    std::memset(bytes.data() + 4, 0, kForwardRequestHeaderSize - 4);
    bytes[6] = static_cast<std::uint8_t>(suite >> 8);
    bytes[7] = static_cast<std::uint8_t>(suite & 0xff);
    size = kForwardRequestHeaderSize;
    if (client == nullptr) return;
    const std::size_t metadata = std::min(client->metadata.size(), kClientMetadataSizeMax);
    bytes[4] = kForwardAuthenticated;
    bytes[5] = static_cast<std::uint8_t>(metadata);
    std::memcpy(bytes.data() + 16, client->public_key.data(), client->public_key.size());
    if (metadata > 0) std::memcpy(bytes.data() + size, client->metadata.data(), metadata);
    size += metadata;
  }
  void set_token(std::uint64_t token) noexcept { put_u64(token, bytes.data() + 8); }
};

struct ForwardAnswer {
  std::uint64_t token = 0;
  bool has_reply = false;
  std::span<const std::uint8_t> reply{};
};

/// Nothing: not of that form.
[[nodiscard]] inline std::optional<ForwardAnswer> read_forward_answer(
    std::span<const std::uint8_t> datagram) noexcept {
  if (datagram.size() < kForwardReplyHeaderSize ||
      std::memcmp(datagram.data(), kForwardMagic.data(), kForwardMagic.size()) != 0) {
    return std::nullopt;
  }
  const std::uint8_t kind = datagram[4];
  const auto reply = datagram.subspan(kForwardReplyHeaderSize);
  if (kind > kForwardNoReply || (datagram[5] | datagram[6] | datagram[7]) != 0 ||
      (kind == kForwardNoReply && !reply.empty())) {
    return std::nullopt;
  }
  return ForwardAnswer{
      .token = read_u64(datagram.data() + 8), .has_reply = kind == kForwardReply, .reply = reply};
}

}  // namespace pssst::server
