/// The four header bytes that every suite shares.
#pragma once

#include <cstdint>
#include <span>

#include "pssst/wire.hpp"

namespace pssst::protocol {

struct Header {
  std::uint16_t flags = 0;
  std::uint16_t suite = 0;
};

[[nodiscard]] constexpr Header read_header(
    std::span<const std::uint8_t, kHeaderSize> bytes) noexcept {
  return {.flags = static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]),
          .suite = static_cast<std::uint16_t>((bytes[2] << 8) | bytes[3])};
}

constexpr void write_header(Header header, std::span<std::uint8_t, kHeaderSize> bytes) noexcept {
  bytes[0] = static_cast<std::uint8_t>(header.flags >> 8);
  bytes[1] = static_cast<std::uint8_t>(header.flags & 0xff);
  bytes[2] = static_cast<std::uint8_t>(header.suite >> 8);
  bytes[3] = static_cast<std::uint8_t>(header.suite & 0xff);
}

}  // namespace pssst::protocol
