#include "base/hex.hpp"

#include "base/secret_memory.hpp"

namespace pssst::base {
namespace {

/// '0' to '9', 'a' to 'f' for 0 to 15, by arithmetic: private keys pass through here.
char digit_of(std::uint32_t nibble) noexcept {
  const std::uint32_t above_nine = ((9 - nibble) >> 8) & ('a' - '9' - 1);
  return static_cast<char>('0' + nibble + above_nine);
}

/// All ones if low <= c <= high, else 0. For values below 2^31.
std::uint32_t range_mask(std::uint32_t c, std::uint32_t low, std::uint32_t high) noexcept {
  return (((c - low) | (high - c)) >> 31) - 1;
}

/// 0 to 15; `valid` keeps its value for a digit and becomes 0 for anything else.
std::uint32_t value_of(char digit, std::uint32_t& valid) noexcept {
  const std::uint32_t c = static_cast<unsigned char>(digit);
  const std::uint32_t lower = c | 0x20;
  const std::uint32_t decimal = range_mask(c, '0', '9');
  const std::uint32_t letter = range_mask(lower, 'a', 'f');
  valid &= decimal | letter;
  return (decimal & (c - '0')) | (letter & (lower - 'a' + 10));
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digit_of(byte >> 4));
    text.push_back(digit_of(byte & 15));
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes(text.size() / 2);
  if (!from_hex(text, bytes)) return std::nullopt;
  return bytes;
}

bool from_hex(std::string_view text, std::span<std::uint8_t> bytes) noexcept {
  std::uint32_t valid = text.size() % 2 == 0 && text.size() / 2 == bytes.size() ? ~0u : 0u;
  if (valid != 0) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint32_t high = value_of(text[2 * i], valid);
      const std::uint32_t low = value_of(text[2 * i + 1], valid);
      bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
  }
  if (valid == 0) wipe(bytes.data(), bytes.size());
  return valid != 0;
}

}  // namespace pssst::base
