/// Ethernet, ARP, IPv4, IPv6, ICMP and UDP, one frame at a time. No I/O, no DPDK: everything here
/// is fuzzed.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "net/address.hpp"
#include "net/udp_port_set.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/wire.hpp"

namespace pssst::net {

inline constexpr std::size_t kEthernetHeaderSize = 14;
inline constexpr std::size_t kVlanTagSize = 4;
inline constexpr std::size_t kIpv4HeaderSize = 20;
inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::size_t kUdpHeaderSize = 8;
/// Bytes in front of the UDP payload of an untagged IPv4 frame.
inline constexpr std::size_t kFrameHeaderSize =
    kEthernetHeaderSize + kIpv4HeaderSize + kUdpHeaderSize;
/// The most bytes in front of a UDP payload: tagged IPv6.
inline constexpr std::size_t kFrameHeaderSizeMax =
    kEthernetHeaderSize + kVlanTagSize + kIpv6HeaderSize + kUdpHeaderSize;

/// The smallest frame of Ethernet, without its check sequence.
inline constexpr std::size_t kFrameSizeMin = 60;

/// VLANs by their number; 0 stands for untagged frames, and for those that carry but a priority.
using VlanSet = std::bitset<4096>;

/// Who we are on a link, and what we take.
struct FrameFilter {
  MacAddress mac{};
  /// Where replies to datagrams and echo requests go; none: where each came from.
  std::optional<MacAddress> gateway_mac{};
  std::shared_ptr<const OwnAddresses> addresses;  ///< not null
  std::shared_ptr<const UdpPortSet> udp_ports;    ///< those with a service; not null
  VlanSet vlans{1};                               ///< those served; by default untagged
  std::uint16_t mtu = 1500;                       ///< the largest IP packet sent
  /// False: UDP checksums may be partial, as a local kernel leaves them on virtual devices.
  bool verify_udp_checksum = true;
};

/// What the device has found right already.
struct DeviceChecks {
  bool ip_checksum = false;
  bool udp_checksum = false;
};

enum class FrameVerdict : std::uint8_t {
  kDatagram,
  kQuestion,  ///< to be answered on L2 or L3: make_answer()
  kForeign,   ///< not for the appliance, but for the kernel if that has a way in; else a drop
  kDrop,
};

enum class FrameQuestion : std::uint8_t { kArp, kNeighbour, kEchoIpv4, kEchoIpv6 };

/// Small, and nothing copied: it is made for every frame.
struct ParsedFrame {
  FrameVerdict verdict = FrameVerdict::kDrop;
  FrameQuestion question = FrameQuestion::kArp;  ///< kQuestion: which
  DropReason drop = DropReason::kNone;           ///< kDrop, kForeign: why
  bool is_ipv6 = false;                          ///< kDatagram
  std::uint16_t udp_port = 0;                    ///< kDatagram: destination, host order
  std::span<const std::uint8_t> payload;         ///< kDatagram: within the frame
  const std::uint8_t* addresses = nullptr;       ///< kDatagram: source, destination, in the frame

  // For a datagram.
  [[nodiscard]] IpAddress source() const noexcept { return address(0); }
  [[nodiscard]] IpAddress destination() const noexcept { return address(1); }

 private:
  [[nodiscard]] IpAddress address(std::size_t which) const noexcept {
    IpAddress ip{};
    if (is_ipv6) {
      std::memcpy(ip.data(), addresses + which * sizeof ip, sizeof ip);
    } else {
      std::memcpy(ip.data(), kMappedPrefix.data(), kMappedPrefix.size());
      std::memcpy(ip.data() + kMappedPrefix.size(), addresses + which * sizeof(Ipv4Address),
                  sizeof(Ipv4Address));
    }
    return ip;
  }
};

/// Sorts one received frame. Every length is checked before use; Ethernet padding is cut off by the
/// IP length, which the UDP length must match exactly.
///
/// VLANs: one tag (IEEE 802.1Q) at most, of a VLAN that is served. IP is taken only at our own MAC
/// and addresses, ARP also at the broadcast MAC, neighbour solicitations also at the solicited-node
/// groups of our addresses. Options of IPv4, extension headers of IPv6 and fragments are not
/// served. A UDP checksum of 0 says that there is none over IPv4 (RFC 768) and is wrong over IPv6
/// (RFC 8200, section 8.1). Sources that cannot be replied to: unspecified, multicast, limited
/// broadcast, loopback, IPv4 mapped into IPv6 and our own addresses; any address behind a group
/// MAC.
///
/// Questions are ARP requests (RFC 826), probes (RFC 5227) among them, neighbour solicitations (RFC
/// 4861, section 7.1.1; with them hop limit 255) and echo requests for our addresses.
///
/// Foreign is what is addressed to our MAC or a group, was not found to be malformed, and is no
/// datagram for a UDP port of ours.
[[nodiscard]] ParsedFrame parse_frame(std::span<const std::uint8_t> frame,
                                      const FrameFilter& filter, DeviceChecks checks = {}) noexcept;

/// Room that make_answer() needs for any question, besides the question's own size.
inline constexpr std::size_t kAnswerRoom = 96;

/// Turns a frame of `size` bytes that parse_frame() called kQuestion into our answer, in place,
/// with the same VLAN tag. `room` begins with the frame and has at least kAnswerRoom bytes. Returns
/// the answer's size. ARP replies (RFC 826) keep the frame's size; advertisements (RFC 4861,
/// section 7.2.4) go to whom asked or, after a probe for duplicates, to all nodes.
[[nodiscard]] std::size_t make_answer(std::span<std::uint8_t> room, std::size_t size,
                                      FrameQuestion question, const FrameFilter& filter) noexcept;

/// Turns a frame that parse_frame() called kDatagram into the frame of a reply with `payload`:
/// addresses and UDP ports swapped, the same VLAN tag, the source MAC ours, hop limit 64, of IPv4
/// DF set and identification 0 (RFC 6864), lengths and checksums computed whole. `frame` has room
/// for the headers and `payload`, which is at most kDatagramSizeMax bytes and does not lie within
/// it. Returns the frame's size, without padding to Ethernet's least 60 bytes: replies of the
/// protocol are longer. Whether that fits the MTU, fits_mtu() knows.
std::size_t make_reply_frame(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             std::span<const std::uint8_t> payload) noexcept;

/// Whether a reply of `size` bytes fits one packet. `headers`: bytes in front of the payload of the
/// request, and so of the reply.
[[nodiscard]] constexpr bool fits_mtu(std::size_t headers, std::size_t size,
                                      const FrameFilter& filter) noexcept {
  const bool is_tagged =
      headers == kFrameHeaderSize + kVlanTagSize || headers == kFrameHeaderSizeMax;
  const std::size_t link = kEthernetHeaderSize + (is_tagged ? kVlanTagSize : 0);
  return headers + size <= link + filter.mtu;
}

/// Between whom a frame goes.
struct FrameAddresses {
  MacAddress destination_mac{};
  MacAddress source_mac{};
  IpAddress source_ip{};  ///< of one family with the other
  IpAddress destination_ip{};
  std::uint16_t source_udp_port = 0;  ///< host order, like the other
  std::uint16_t destination_udp_port = 0;
};

/// A whole untagged frame around `payload`, as make_reply_frame() writes it, in a `frame` that may
/// hold anything before.
std::size_t make_datagram_frame(std::span<std::uint8_t> frame, const FrameAddresses& addresses,
                                std::span<const std::uint8_t> payload) noexcept;

}  // namespace pssst::net
