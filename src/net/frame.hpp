/// Ethernet, ARP, IPv4 and UDP, one frame at a time. No I/O, no DPDK: everything here is fuzzed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "net/udp_port_set.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/wire.hpp"

namespace pssst::net {

using MacAddress = std::array<std::uint8_t, 6>;
using Ipv4Address = std::array<std::uint8_t, 4>;

inline constexpr std::size_t kEthernetHeaderSize = 14;
inline constexpr std::size_t kIpv4HeaderSize = 20;
inline constexpr std::size_t kUdpHeaderSize = 8;
/// Bytes in front of the UDP payload.
inline constexpr std::size_t kFrameHeaderSize =
    kEthernetHeaderSize + kIpv4HeaderSize + kUdpHeaderSize;

/// The smallest frame of Ethernet, without its check sequence.
inline constexpr std::size_t kFrameSizeMin = 60;

/// Who we are on a link, and what we take.
struct FrameFilter {
  MacAddress mac{};
  Ipv4Address ip{};
  std::shared_ptr<const UdpPortSet> udp_ports;  ///< those with a service; not null
  bool verify_udp_checksum = true;
};

enum class FrameVerdict : std::uint8_t { kDatagram, kArpRequest, kDrop };

struct ParsedFrame {
  FrameVerdict verdict = FrameVerdict::kDrop;
  DropReason drop = DropReason::kNone;    ///< kDrop: why
  std::span<const std::uint8_t> payload;  ///< kDatagram: within the frame
  std::uint16_t udp_port = 0;             ///< kDatagram: destination, host order
  Ipv4Address source{};                   ///< kDatagram
};

/// Sorts one received frame. Every length is checked before use; Ethernet padding is cut off by the
/// IP total length, which the UDP length must match exactly. IP is taken only at our own MAC and
/// address, ARP also at the broadcast MAC. A UDP checksum of 0 says that there is none (RFC 768).
/// Sources that cannot be replied to: unspecified, multicast, limited broadcast, loopback and our
/// own address; any address behind a group MAC. Of ARP, only requests for our address are answered,
/// probes (RFC 5227) among them. VLAN tags are an EtherType that is not served.
[[nodiscard]] ParsedFrame parse_frame(std::span<const std::uint8_t> frame,
                                      const FrameFilter& filter) noexcept;

/// Turns an ARP request that parse_frame() called kArpRequest into our reply, in place (RFC 826).
/// The frame's size stays.
void make_arp_reply(std::span<std::uint8_t> frame, const FrameFilter& filter) noexcept;

/// Turns a frame that parse_frame() called kDatagram into the frame of a reply with `payload`:
/// addresses and UDP ports swapped, the source MAC ours, TTL 64, DF set, identification 0 (RFC
/// 6864), lengths and both checksums computed whole. `frame` has room for kFrameHeaderSize +
/// payload bytes; the payload is at most kDatagramSizeMax bytes and does not lie within it. Returns
/// the frame's size, without padding to Ethernet's least 60 bytes: replies of the protocol are
/// longer.
std::size_t make_reply_frame(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             std::span<const std::uint8_t> payload) noexcept;

// The client's side.

/// Between whom a frame goes.
struct FrameAddresses {
  MacAddress destination_mac{};
  MacAddress source_mac{};
  Ipv4Address source_ip{};
  Ipv4Address destination_ip{};
  std::uint16_t source_udp_port = 0;  ///< host order, like the other
  std::uint16_t destination_udp_port = 0;
};

/// A whole frame around `payload`, as make_reply_frame() writes it, in a `frame` that may hold
/// anything before.
std::size_t make_datagram_frame(std::span<std::uint8_t> frame, const FrameAddresses& addresses,
                                std::span<const std::uint8_t> payload) noexcept;

/// Asks everybody on the link who has `wanted` (RFC 826). Returns the frame's size, kFrameSizeMin;
/// `frame` has room for that.
std::size_t make_arp_request(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             const Ipv4Address& wanted) noexcept;

/// The MAC address in an ARP reply from `wanted` to us; none if the frame is anything else.
[[nodiscard]] std::optional<MacAddress> read_arp_reply(std::span<const std::uint8_t> frame,
                                                       const FrameFilter& filter,
                                                       const Ipv4Address& wanted) noexcept;

}  // namespace pssst::net
