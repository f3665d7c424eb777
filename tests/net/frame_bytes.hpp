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
inline constexpr std::uint16_t kOurUdpPort = 5000;
inline constexpr std::uint16_t kPeerUdpPort = 40000;

inline FrameFilter make_filter(const MacAddress& mac, const Ipv4Address& ip,
                               std::uint16_t udp_port) {
  auto udp_ports = std::make_shared<UdpPortSet>();
  udp_ports->insert(udp_port);
  return {.mac = mac, .ip = ip, .udp_ports = udp_ports, .verify_udp_checksum = true};
}

inline FrameFilter our_filter() {
  return make_filter(kOurMac, kOurIp, kOurUdpPort);
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

}  // namespace pssst::net::test
