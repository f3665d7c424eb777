/// Frames made by hand, and a plain second reading of RFC 1071, for tests and fuzz targets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/frame.hpp"

namespace pssst::net::test {

using Bytes = std::vector<std::uint8_t>;

inline std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(bytes[offset] * 256 + bytes[offset + 1]);
}

inline void put16(std::span<std::uint8_t> bytes, std::size_t offset, std::size_t value) {
  bytes[offset] = static_cast<std::uint8_t>(value / 256 % 256);
  bytes[offset + 1] = static_cast<std::uint8_t>(value % 256);
}

/// The internet checksum over `bytes`, big-endian pair by pair, the carry folded at each step.
inline std::uint16_t reference_checksum(std::span<const std::uint8_t> bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += bytes[i] * 256u + (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(0xffff - sum);
}

inline std::uint16_t reference_ip_checksum(std::span<const std::uint8_t> frame) {
  return reference_checksum(frame.subspan(kEthernetHeaderSize, kIpv4HeaderSize));
}

/// Over the pseudo header and everything behind the IPv4 header up to the IP total length.
inline std::uint16_t reference_udp_checksum(std::span<const std::uint8_t> frame) {
  const std::size_t udp_size = get16(frame, 16) - kIpv4HeaderSize;
  Bytes summed(frame.begin() + 26, frame.begin() + 34);
  summed.insert(summed.end(), {0, 17, 0, 0});
  put16(summed, 10, udp_size);
  const auto udp = frame.subspan(kEthernetHeaderSize + kIpv4HeaderSize, udp_size);
  summed.insert(summed.end(), udp.begin(), udp.end());
  return reference_checksum(summed);
}

inline void fix_ip_checksum(Bytes& frame) {
  put16(frame, 24, 0);
  put16(frame, 24, reference_ip_checksum(frame));
}

inline void fix_udp_checksum(Bytes& frame) {
  put16(frame, 40, 0);
  const std::uint16_t checksum = reference_udp_checksum(frame);
  put16(frame, 40, checksum == 0 ? 0xffff : checksum);
}

inline constexpr MacAddress kOurMac{2, 0, 0, 0, 0, 1};
inline constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 0x99};
inline constexpr Ipv4Address kOurIp{192, 0, 2, 1};
inline constexpr Ipv4Address kPeerIp{192, 0, 2, 0x63};
inline constexpr IpAddress kOurIp6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
inline constexpr IpAddress kPeerIp6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x63};
inline constexpr std::uint16_t kOurUdpPort = 5000;
inline constexpr std::uint16_t kPeerUdpPort = 40000;

inline FrameFilter make_filter(const MacAddress& mac, const std::vector<IpAddress>& addresses,
                               std::uint16_t udp_port) {
  auto udp_ports = std::make_shared<UdpPortSet>();
  udp_ports->insert(udp_port);
  return {.mac = mac,
          .addresses = std::make_shared<const OwnAddresses>(addresses),
          .udp_ports = udp_ports};
}

inline FrameFilter our_filter() {
  return make_filter(kOurMac, {mapped(kOurIp), kOurIp6}, kOurUdpPort);
}

/// Who calls us, at a UDP port of theirs.
inline FrameFilter peer_filter() {
  return make_filter(kPeerMac, {mapped(kPeerIp), kPeerIp6}, kPeerUdpPort);
}

/// A datagram from the peer to us, both checksums right.
inline Bytes make_request_frame(std::span<const std::uint8_t> payload) {
  Bytes frame(kFrameHeaderSize, 0);
  std::copy(kOurMac.begin(), kOurMac.end(), frame.begin());
  std::copy(kPeerMac.begin(), kPeerMac.end(), frame.begin() + 6);
  put16(frame, 12, 0x0800);
  frame[14] = 0x45;
  put16(frame, 16, 28 + payload.size());
  put16(frame, 18, 0x1234);
  frame[22] = 61;
  frame[23] = 17;
  std::copy(kPeerIp.begin(), kPeerIp.end(), frame.begin() + 26);
  std::copy(kOurIp.begin(), kOurIp.end(), frame.begin() + 30);
  put16(frame, 34, kPeerUdpPort);
  put16(frame, 36, kOurUdpPort);
  put16(frame, 38, 8 + payload.size());
  frame.insert(frame.end(), payload.begin(), payload.end());
  fix_ip_checksum(frame);
  fix_udp_checksum(frame);
  return frame;
}

/// Over the IPv6 pseudo header (RFC 8200, section 8.1) and everything behind the IPv6 header, which
/// begins at `ip_at`, up to the payload length.
inline std::uint16_t reference_ipv6_checksum(std::span<const std::uint8_t> frame,
                                             std::size_t ip_at = kEthernetHeaderSize) {
  const auto ip = frame.subspan(ip_at);
  const std::size_t size = get16(ip, 4);
  Bytes summed(ip.begin() + 8, ip.begin() + 40);
  summed.insert(summed.end(), {0, 0, 0, 0, 0, 0, 0, ip[6]});
  put16(summed, 34, size);
  const auto payload = ip.subspan(kIpv6HeaderSize, size);
  summed.insert(summed.end(), payload.begin(), payload.end());
  return reference_checksum(summed);
}

/// The checksum of what an IPv6 header carries stands `offset` bytes behind that.
inline void fix_ipv6_checksum(Bytes& frame, std::size_t offset,
                              std::size_t ip_at = kEthernetHeaderSize) {
  const std::size_t at = ip_at + kIpv6HeaderSize + offset;
  put16(frame, at, 0);
  const std::uint16_t checksum = reference_ipv6_checksum(frame, ip_at);
  put16(frame, at, checksum == 0 ? 0xffff : checksum);
}

/// An IPv6 frame from the peer to us around what its header carries.
inline Bytes make_ipv6_frame(std::uint8_t next_header, std::span<const std::uint8_t> carried,
                             std::uint8_t hop_limit = 61) {
  Bytes frame(kOurMac.begin(), kOurMac.end());
  frame.insert(frame.end(), kPeerMac.begin(), kPeerMac.end());
  frame.insert(frame.end(), {0x86, 0xdd, 0x6a, 0xbc, 0xde, 0xf0, 0, 0, next_header, hop_limit});
  put16(frame, 18, carried.size());
  frame.insert(frame.end(), kPeerIp6.begin(), kPeerIp6.end());
  frame.insert(frame.end(), kOurIp6.begin(), kOurIp6.end());
  frame.insert(frame.end(), carried.begin(), carried.end());
  return frame;
}

/// A datagram from the peer to us over IPv6.
inline Bytes make_ipv6_request_frame(std::span<const std::uint8_t> payload) {
  Bytes udp(kUdpHeaderSize, 0);
  put16(udp, 0, kPeerUdpPort);
  put16(udp, 2, kOurUdpPort);
  put16(udp, 4, kUdpHeaderSize + payload.size());
  udp.insert(udp.end(), payload.begin(), payload.end());
  Bytes frame = make_ipv6_frame(17, udp);
  fix_ipv6_checksum(frame, 6);
  return frame;
}

/// The same frame with a VLAN tag; `tag`: priority 3 bits, 1 bit, VLAN 12.
inline Bytes tagged(Bytes frame, std::uint16_t tag) {
  const Bytes bytes{0x81, 0x00, static_cast<std::uint8_t>(tag >> 8),
                    static_cast<std::uint8_t>(tag)};
  frame.insert(frame.begin() + 12, bytes.begin(), bytes.end());
  return frame;
}

/// The peer asks for our MAC address.
inline Bytes make_arp_request() {
  Bytes frame(6, 0xff);
  frame.insert(frame.end(), kPeerMac.begin(), kPeerMac.end());
  frame.insert(frame.end(), {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1});
  frame.insert(frame.end(), kPeerMac.begin(), kPeerMac.end());
  frame.insert(frame.end(), kPeerIp.begin(), kPeerIp.end());
  frame.insert(frame.end(), 6, 0);
  frame.insert(frame.end(), kOurIp.begin(), kOurIp.end());
  return frame;
}

/// An echo request, `type` 8 or 128, code 0, with the right checksum: what the IP header carries
/// over IPv4, and over IPv6 but for the checksum.
inline Bytes make_echo(std::uint8_t type, std::span<const std::uint8_t> data) {
  Bytes icmp{type, 0, 0, 0, 0x12, 0x34, 0, 1};
  icmp.insert(icmp.end(), data.begin(), data.end());
  put16(icmp, 2, reference_checksum(icmp));
  return icmp;
}

inline Bytes make_ipv4_echo_frame(std::span<const std::uint8_t> data) {
  Bytes frame = make_request_frame({});
  frame.resize(kEthernetHeaderSize + kIpv4HeaderSize);
  const Bytes icmp = make_echo(8, data);
  frame.insert(frame.end(), icmp.begin(), icmp.end());
  put16(frame, 16, kIpv4HeaderSize + icmp.size());
  frame[23] = 1;
  fix_ip_checksum(frame);
  return frame;
}

inline Bytes make_ipv6_echo_frame(std::span<const std::uint8_t> data) {
  Bytes frame = make_ipv6_frame(58, make_echo(128, data));
  fix_ipv6_checksum(frame, 2);
  return frame;
}

/// The peer asks all who might have our IPv6 address for our MAC address (RFC 4861).
inline Bytes make_solicitation(std::span<const std::uint8_t> options = {}) {
  Bytes icmp{135, 0, 0, 0, 0, 0, 0, 0};
  icmp.insert(icmp.end(), kOurIp6.begin(), kOurIp6.end());
  icmp.insert(icmp.end(), options.begin(), options.end());
  Bytes frame = make_ipv6_frame(58, icmp, 255);
  const Bytes mac{0x33, 0x33, 0xff, 0, 0, 1};
  const Bytes group{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
  std::copy(mac.begin(), mac.end(), frame.begin());
  std::copy(group.begin(), group.end(), frame.begin() + 38);
  fix_ipv6_checksum(frame, 2);
  return frame;
}

}  // namespace pssst::net::test
