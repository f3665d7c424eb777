/// Addresses on the network, as they lie in frames.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace pssst::net {

using MacAddress = std::array<std::uint8_t, 6>;
using Ipv4Address = std::array<std::uint8_t, 4>;
/// IPv6, or IPv4 mapped into it (::ffff:a.b.c.d).
using IpAddress = std::array<std::uint8_t, 16>;

/// The 12 bytes in front of every mapped IPv4 address (RFC 4291, section 2.5.5.2).
inline constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0,    0,
                                                            0, 0, 0, 0, 0xff, 0xff};

[[nodiscard]] constexpr IpAddress mapped(const Ipv4Address& ip) noexcept {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ip[0], ip[1], ip[2], ip[3]};
}

[[nodiscard]] inline bool is_mapped(const IpAddress& ip) noexcept {
  return std::memcmp(ip.data(), kMappedPrefix.data(), kMappedPrefix.size()) == 0;
}

/// The IPv4 address of a mapped one.
[[nodiscard]] constexpr Ipv4Address unmapped(const IpAddress& ip) noexcept {
  return {ip[12], ip[13], ip[14], ip[15]};
}

/// The group in which neighbours ask for `ip` (RFC 4291, section 2.7.1): ff02::1:ff00:0/104 and its
/// last three bytes.
[[nodiscard]] constexpr IpAddress solicited_node(const IpAddress& ip) noexcept {
  return {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ip[13], ip[14], ip[15]};
}

/// The MAC address of an IPv6 group (RFC 2464, section 7).
[[nodiscard]] constexpr MacAddress group_mac(const IpAddress& group) noexcept {
  return {0x33, 0x33, group[12], group[13], group[14], group[15]};
}

/// "02:00:00:00:aB:01"; none if it is anything else.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

/// The IP addresses of a port. They are searched one by one: few is the common case.
class OwnAddresses {
 public:
  OwnAddresses() = default;
  /// Mapped ones are IPv4.
  explicit OwnAddresses(std::span<const IpAddress> addresses) {
    for (const IpAddress& address : addresses) {
      if (is_mapped(address)) {
        ipv4_.push_back(unmapped(address));
      } else {
        ipv6_.push_back(address);
      }
    }
  }

  /// `bytes`: 4 and 16 of them.
  [[nodiscard]] bool has_ipv4(const std::uint8_t* bytes) const noexcept {
    return has(ipv4_, bytes);
  }
  [[nodiscard]] bool has_ipv6(const std::uint8_t* bytes) const noexcept {
    return has(ipv6_, bytes);
  }
  [[nodiscard]] std::span<const Ipv4Address> ipv4() const noexcept { return ipv4_; }
  [[nodiscard]] std::span<const IpAddress> ipv6() const noexcept { return ipv6_; }

 private:
  template <class Address>
  static bool has(const std::vector<Address>& addresses, const std::uint8_t* bytes) noexcept {
    return std::ranges::any_of(addresses, [bytes](const Address& address) {
      return std::memcmp(address.data(), bytes, address.size()) == 0;
    });
  }

  std::vector<Ipv4Address> ipv4_;
  std::vector<IpAddress> ipv6_;
};

}  // namespace pssst::net
