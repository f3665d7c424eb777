#include "server/config/protection.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "net/address.hpp"

namespace pssst::server {
namespace {

constexpr unsigned kAddressBits = 128;
constexpr unsigned kIpv4MappedBits = 96;

/// Byte `i` of the mask of so many bits.
std::uint8_t mask_byte(unsigned bits, std::size_t i) noexcept {
  const unsigned left = bits > 8 * i ? std::min(bits - 8 * static_cast<unsigned>(i), 8U) : 0;
  return static_cast<std::uint8_t>(0xff00U >> left);
}

}  // namespace

// By its bytes a mapped IPv4 address lies within ::/80 too, and nobody who writes that means it.
bool AddressRange::contains(const Address& address) const noexcept {
  if (bits < kIpv4MappedBits && net::is_mapped(address)) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (((address[i] ^ first[i]) & mask_byte(bits, i)) != 0) return false;
  }
  return true;
}

std::optional<AddressRange> parse_address_range(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string before = text.substr(0, slash);
  const auto first = parse_address(before);
  if (!first) return std::nullopt;
  AddressRange range{.first = *first, .bits = kAddressBits};
  if (slash != std::string::npos) {
    const unsigned more = before.find(':') == std::string::npos ? kIpv4MappedBits : 0;
    const char* const end = text.data() + text.size();
    unsigned bits = 0;
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc() || rest != end || bits > kAddressBits - more) return std::nullopt;
    range.bits = bits + more;
  }
  for (std::size_t i = 0; i < range.first.size(); ++i) {
    if ((range.first[i] & ~mask_byte(range.bits, i)) != 0) return std::nullopt;
  }
  return range;
}

bool Protection::is_allowed(const Address& source) const noexcept {
  return std::ranges::any_of(allow,
                             [&](const AddressRange& range) { return range.contains(source); });
}

}  // namespace pssst::server
