/// Where things lie in a frame, and the checksums over them. What frame*.cpp share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "net/address.hpp"

namespace pssst::net {

// Ethernet: destination 6 | source 6 | type 2, or with a VLAN tag (IEEE 802.1Q) type 2 | priority
// and VLAN 2 | type 2.
inline constexpr std::size_t kMacSourceOffset = 6;
inline constexpr std::size_t kEtherTypeOffset = 12;
inline constexpr std::size_t kVlanOffset = 14;
inline constexpr std::size_t kTaggedEtherTypeOffset = 16;
inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeArp = 0x0806;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherTypeServiceVlan = 0x88a8;
inline constexpr std::uint16_t kVlanMask = 0x0fff;
inline constexpr MacAddress kMacBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// ARP (RFC 826): hardware 2 | protocol 2 | hardware size 1 | protocol size 1 | operation 2 |
// sender MAC 6 | sender IP 4 | target MAC 6 | target IP 4.
inline constexpr std::size_t kArpSize = 28;
inline constexpr std::array<std::uint8_t, 6> kArpEthernetIpv4{0x00, 0x01, 0x08, 0x00, 6, 4};
inline constexpr std::size_t kArpOperationOffset = 6;
inline constexpr std::size_t kArpSenderMacOffset = 8;
inline constexpr std::size_t kArpSenderIpOffset = 14;
inline constexpr std::size_t kArpTargetMacOffset = 18;
inline constexpr std::size_t kArpTargetIpOffset = 24;
inline constexpr std::uint16_t kArpRequest = 1;
inline constexpr std::uint16_t kArpReply = 2;

// IPv4 (RFC 791, section 3.1).
inline constexpr std::uint8_t kIpv4VersionAndHeaderWords = 0x45;
inline constexpr std::size_t kIpv4TotalLengthOffset = 2;
inline constexpr std::size_t kIpv4FragmentOffset = 6;
inline constexpr std::size_t kIpv4TtlOffset = 8;
inline constexpr std::size_t kIpv4ProtocolOffset = 9;
inline constexpr std::size_t kIpv4ChecksumOffset = 10;
inline constexpr std::size_t kIpv4SourceOffset = 12;
inline constexpr std::size_t kIpv4DestinationOffset = 16;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
inline constexpr std::uint16_t kIpv4MoreFragmentsAndOffset = 0x3fff;

// IPv6 (RFC 8200, section 3).
inline constexpr std::uint8_t kIpv6Version = 0x60;
inline constexpr std::size_t kIpv6PayloadLengthOffset = 4;
inline constexpr std::size_t kIpv6NextHeaderOffset = 6;
inline constexpr std::size_t kIpv6HopLimitOffset = 7;
inline constexpr std::size_t kIpv6SourceOffset = 8;
inline constexpr std::size_t kIpv6DestinationOffset = 24;

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIpv6Fragment = 44;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;
inline constexpr std::uint8_t kReplyTtl = 64;

// UDP (RFC 768): source 2 | destination 2 | length 2 | checksum 2.
inline constexpr std::size_t kUdpDestinationOffset = 2;
inline constexpr std::size_t kUdpLengthOffset = 4;
inline constexpr std::size_t kUdpChecksumOffset = 6;

// ICMP and ICMPv6 (RFC 792, RFC 4443): type 1 | code 1 | checksum 2 | 4 of the type's own.
inline constexpr std::size_t kIcmpHeaderSize = 8;
inline constexpr std::size_t kIcmpChecksumOffset = 2;
inline constexpr std::uint8_t kIcmpEchoReply = 0;
inline constexpr std::uint8_t kIcmpEcho = 8;
inline constexpr std::uint8_t kIcmpv6Echo = 128;
inline constexpr std::uint8_t kIcmpv6EchoReply = 129;

// Neighbour solicitation and advertisement (RFC 4861, sections 4.3, 4.4, 4.6.1): ICMPv6 header 8,
// in advertisements with flags | target 16 | options, each type 1 | 8-byte units 1 | ...
inline constexpr std::uint8_t kRouterSolicitation = 133;
inline constexpr std::uint8_t kNeighbourSolicitation = 135;
inline constexpr std::uint8_t kNeighbourAdvertisement = 136;
inline constexpr std::uint8_t kRedirect = 137;
inline constexpr std::uint8_t kNdpHopLimit = 255;
inline constexpr std::size_t kNdpFlagsOffset = 4;
inline constexpr std::uint8_t kNdpSolicited = 0x40;
inline constexpr std::uint8_t kNdpOverride = 0x20;
inline constexpr std::size_t kNdpTargetOffset = 8;
inline constexpr std::size_t kNdpOptionsOffset = 24;
inline constexpr std::size_t kNdpOptionUnit = 8;
inline constexpr std::uint8_t kNdpSourceLinkAddress = 1;
inline constexpr std::uint8_t kNdpTargetLinkAddress = 2;

// Hop-by-hop options of a report of groups (RFC 8200, section 4.3; RFC 2711): next header ICMPv6,
// no more than 8 bytes, the router alert for listener discovery, padding.
inline constexpr std::uint8_t kProtocolIpv6HopByHop = 0;
inline constexpr std::array<std::uint8_t, 8> kIpv6RouterAlert{kProtocolIcmpv6, 0, 5, 2, 0, 0, 1, 0};

// Multicast listener report (RFC 3810, section 5.2): ICMPv6 header 8, ending with the number of
// records 2 | records, each type 1 | size of its own data 1 | number of sources 2 | group 16.
inline constexpr std::uint8_t kListenerReport = 143;
inline constexpr std::size_t kListenerCountOffset = 6;
inline constexpr std::size_t kListenerRecordOffset = 8;
inline constexpr std::size_t kListenerGroupOffset = 12;
inline constexpr std::size_t kListenerReportSize = 28;  // with one record
inline constexpr std::uint8_t kListensExcluding = 2;
inline constexpr std::uint8_t kListensExcludingFromNow = 4;

inline constexpr IpAddress kIpv6AllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
inline constexpr IpAddress kIpv6AllListenerRouters{0xff, 0x02, 0, 0, 0, 0, 0, 0,
                                                   0,    0,    0, 0, 0, 0, 0, 0x16};
inline constexpr IpAddress kIpv6Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

[[nodiscard]] inline std::uint16_t load_be16(const std::uint8_t* bytes) noexcept {
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
}

inline void store_be16(std::uint8_t* bytes, std::size_t value) noexcept {
  bytes[0] = static_cast<std::uint8_t>(value >> 8);
  bytes[1] = static_cast<std::uint8_t>(value);
}

template <class Address>
[[nodiscard]] bool equals(const std::uint8_t* bytes, const Address& address) noexcept {
  return std::memcmp(bytes, address.data(), address.size()) == 0;
}

template <class Address>
void store(std::uint8_t* bytes, const Address& address) noexcept {
  std::memcpy(bytes, address.data(), address.size());
}

template <class Address>
void load(const std::uint8_t* bytes, Address& address) noexcept {
  std::memcpy(address.data(), bytes, address.size());
}

[[nodiscard]] inline bool is_group(const std::uint8_t* mac) noexcept {
  return (mac[0] & 1) != 0;
}

/// One's complement sums do not depend on the byte order (RFC 1071, section 2 (B)), so words are
/// added as they lie in memory, halves of 64 bits, and the carries folded at the end. Only the last
/// piece of a sum may have an odd size.
[[nodiscard]] inline std::uint64_t add_words(std::uint64_t sum, const std::uint8_t* bytes,
                                             std::size_t size) noexcept {
  for (; size >= 8; bytes += 8, size -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    sum += (word & 0xffffffff) + (word >> 32);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes, size);
  return sum + (rest & 0xffffffff) + (rest >> 32);
}

/// The folded sum, in memory order: 0xffff over data that carries its own checksum.
[[nodiscard]] inline std::uint16_t fold(std::uint64_t sum) noexcept {
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

inline void store_checksum(std::uint8_t* bytes, std::uint16_t folded) noexcept {
  const auto checksum = static_cast<std::uint16_t>(~folded);
  std::memcpy(bytes, &checksum, sizeof checksum);
}

/// Over `size` bytes at `payload` and the pseudo header of their IP header at `ip`. That of IPv6
/// (RFC 8200, section 8.1) has wider fields, but sums to the same.
template <std::size_t kSourceOffset, std::size_t kAddressSize>
[[nodiscard]] std::uint16_t transport_sum(const std::uint8_t* ip, std::uint8_t protocol,
                                          const std::uint8_t* payload, std::size_t size) noexcept {
  std::array<std::uint8_t, 4> protocol_and_length{0, protocol, 0, 0};
  store_be16(&protocol_and_length[2], size);
  std::uint64_t sum = add_words(0, ip + kSourceOffset, 2 * kAddressSize);
  sum = add_words(sum, protocol_and_length.data(), protocol_and_length.size());
  return fold(add_words(sum, payload, size));
}

[[nodiscard]] inline std::uint16_t ipv4_transport_sum(const std::uint8_t* ip, std::uint8_t protocol,
                                                      const std::uint8_t* payload,
                                                      std::size_t size) noexcept {
  return transport_sum<kIpv4SourceOffset, sizeof(Ipv4Address)>(ip, protocol, payload, size);
}

[[nodiscard]] inline std::uint16_t ipv6_transport_sum(const std::uint8_t* ip, std::uint8_t protocol,
                                                      const std::uint8_t* payload,
                                                      std::size_t size) noexcept {
  return transport_sum<kIpv6SourceOffset, sizeof(IpAddress)>(ip, protocol, payload, size);
}

}  // namespace pssst::net
