#include "net/frame.hpp"

#include <cstring>

#include "net/frame_layout.hpp"
#include "net/frame_question.hpp"

namespace pssst::net {
namespace {

bool can_reply_to_ipv4(const std::uint8_t* source, const FrameFilter& filter) noexcept {
  constexpr Ipv4Address kUnspecified{0, 0, 0, 0};
  constexpr Ipv4Address kLimitedBroadcast{255, 255, 255, 255};
  const bool is_multicast = (source[0] & 0xf0) == 0xe0;
  const bool is_loopback = source[0] == 127;
  return !is_multicast && !is_loopback && !equals(source, kUnspecified) &&
         !equals(source, kLimitedBroadcast) && !filter.addresses->has_ipv4(source);
}

/// What UDP needs to know of the IP header in front of it. Types: each is worth a parse_udp() of
/// its own.
struct Ipv4Carrier {
  static constexpr std::size_t kHeaderSize = kIpv4HeaderSize;
  static constexpr std::size_t kAddressesOffset = kIpv4SourceOffset;
  static constexpr bool kIsIpv6 = false;
  static constexpr bool kMayLackChecksum = true;
  static std::uint16_t sum(const std::uint8_t* ip, const std::uint8_t* udp,
                           std::size_t size) noexcept {
    return ipv4_transport_sum(ip, kProtocolUdp, udp, size);
  }
};
struct Ipv6Carrier {
  static constexpr std::size_t kHeaderSize = kIpv6HeaderSize;
  static constexpr std::size_t kAddressesOffset = kIpv6SourceOffset;
  static constexpr bool kIsIpv6 = true;
  static constexpr bool kMayLackChecksum = false;
  static std::uint16_t sum(const std::uint8_t* ip, const std::uint8_t* udp,
                           std::size_t size) noexcept {
    return ipv6_transport_sum(ip, kProtocolUdp, udp, size);
  }
};

template <class Carrier>
bool is_udp_checksum_right(const std::uint8_t* ip, const std::uint8_t* udp, std::size_t udp_size,
                           const FrameFilter& filter, DeviceChecks checks) noexcept {
  if (load_be16(udp + kUdpChecksumOffset) == 0) return Carrier::kMayLackChecksum;
  return !filter.verify_udp_checksum || checks.udp_checksum ||
         Carrier::sum(ip, udp, udp_size) == 0xffff;
}

/// `udp_size` bytes of IP payload.
template <class Carrier>
ParsedFrame parse_udp(const PacketView& view, std::size_t udp_size, const FrameFilter& filter,
                      DeviceChecks checks) noexcept {
  const std::uint8_t* udp = view.packet() + Carrier::kHeaderSize;
  if (udp_size < kUdpHeaderSize || load_be16(udp + kUdpLengthOffset) != udp_size) {
    return drop(DropReason::kUdpLength);
  }
  const std::uint16_t udp_port = load_be16(udp + kUdpDestinationOffset);
  if (load_be16(udp) == 0) return drop(DropReason::kUdpPort);
  if (!filter.udp_ports->contains(udp_port)) {
    return foreign(view.frame, filter, DropReason::kUdpPort);
  }
  if (udp_size > kUdpHeaderSize + kDatagramSizeMax) return drop(DropReason::kFrameOversized);
  if (!is_udp_checksum_right<Carrier>(view.packet(), udp, udp_size, filter, checks)) {
    return drop(DropReason::kUdpChecksum);
  }
  ParsedFrame parsed;
  parsed.verdict = FrameVerdict::kDatagram;
  parsed.payload = {udp + kUdpHeaderSize, udp_size - kUdpHeaderSize};
  parsed.udp_port = udp_port;
  parsed.is_ipv6 = Carrier::kIsIpv6;
  parsed.addresses = view.packet() + Carrier::kAddressesOffset;
  return parsed;
}

/// Of what is not served, datagrams may be meant for us: they are dropped. The rest is foreign.
ParsedFrame drop_or_foreign(const PacketView& view, bool is_udp, const FrameFilter& filter,
                            DropReason reason) noexcept {
  return is_udp ? drop(reason) : foreign(view.frame, filter, reason);
}

ParsedFrame parse_ipv4(const PacketView& view, const FrameFilter& filter,
                       DeviceChecks checks) noexcept {
  if (!equals(view.frame.data(), filter.mac)) {
    return foreign(view.frame, filter, DropReason::kFrameNotForUs);
  }
  if (view.size() < kIpv4HeaderSize) return drop(DropReason::kFrameTruncated);
  const std::uint8_t* ip = view.packet();
  const bool is_udp = ip[kIpv4ProtocolOffset] == kProtocolUdp;
  if ((ip[0] >> 4) != 4 || (ip[0] & 0x0f) < kIpv4HeaderSize / 4) {
    return drop(DropReason::kIpHeader);
  }
  if (ip[0] != kIpv4VersionAndHeaderWords) {
    return drop_or_foreign(view, is_udp, filter, DropReason::kIpOptions);
  }
  const std::size_t total_length = load_be16(ip + kIpv4TotalLengthOffset);
  if (total_length < kIpv4HeaderSize) return drop(DropReason::kIpHeader);
  if (total_length > view.size()) return drop(DropReason::kFrameTruncated);
  if (!checks.ip_checksum && fold(add_words(0, ip, kIpv4HeaderSize)) != 0xffff) {
    return drop(DropReason::kIpChecksum);
  }
  const std::uint8_t* source = ip + kIpv4SourceOffset;
  const std::uint8_t* destination = ip + kIpv4DestinationOffset;
  if (!filter.addresses->has_ipv4(destination)) {
    return foreign(view.frame, filter, DropReason::kFrameNotForUs);
  }
  if (!can_reply_to_ipv4(source, filter) || is_group(view.frame.data() + kMacSourceOffset)) {
    return drop(DropReason::kIpSource);
  }
  if ((load_be16(ip + kIpv4FragmentOffset) & kIpv4MoreFragmentsAndOffset) != 0) {
    return drop_or_foreign(view, is_udp, filter, DropReason::kIpFragment);
  }
  const std::size_t size = total_length - kIpv4HeaderSize;
  if (!is_udp) {
    return ip[kIpv4ProtocolOffset] == kProtocolIcmp
               ? parse_icmp(view, size, filter)
               : foreign(view.frame, filter, DropReason::kIpProtocol);
  }
  return parse_udp<Ipv4Carrier>(view, size, filter, checks);
}

ParsedFrame parse_other_than_udp(const PacketView& view, std::uint8_t next_header,
                                 const FrameFilter& filter) noexcept {
  switch (next_header) {
    case kProtocolIpv6Fragment:
      return drop_or_foreign(view, view.packet()[kIpv6HeaderSize] == kProtocolUdp, filter,
                             DropReason::kIpFragment);
    case 0:    // hop-by-hop options
    case 43:   // routing
    case 50:   // ESP
    case 51:   // AH
    case 60:   // destination options
    case 135:  // mobility
    case 139:  // HIP
    case 140:  // Shim6
      return foreign(view.frame, filter, DropReason::kIpExtension);
    default:
      return foreign(view.frame, filter, DropReason::kIpProtocol);
  }
}

ParsedFrame parse_ipv6(const PacketView& view, const FrameFilter& filter,
                       DeviceChecks checks) noexcept {
  const bool is_unicast = equals(view.frame.data(), filter.mac);
  if (!is_unicast && !is_group(view.frame.data())) return drop(DropReason::kFrameNotForUs);
  if (view.size() < kIpv6HeaderSize) return drop(DropReason::kFrameTruncated);
  const std::uint8_t* ip = view.packet();
  if ((ip[0] & 0xf0) != kIpv6Version) return drop(DropReason::kIpHeader);
  const std::size_t size = load_be16(ip + kIpv6PayloadLengthOffset);
  if (size > view.size() - kIpv6HeaderSize) return drop(DropReason::kFrameTruncated);
  const std::uint8_t next_header = ip[kIpv6NextHeaderOffset];
  if (next_header == kProtocolIcmpv6) return parse_icmpv6(view, size, filter);
  const std::uint8_t* source = ip + kIpv6SourceOffset;
  const std::uint8_t* destination = ip + kIpv6DestinationOffset;
  if (!is_unicast || !filter.addresses->has_ipv6(destination)) {
    return foreign(view.frame, filter, DropReason::kFrameNotForUs);
  }
  if (!can_reply_to_ipv6(source, filter) || is_group(view.frame.data() + kMacSourceOffset)) {
    return drop(DropReason::kIpSource);
  }
  if (next_header != kProtocolUdp) {
    // The first byte of an extension header says what comes behind it.
    if (size == 0) return drop(DropReason::kIpHeader);
    return parse_other_than_udp(view, next_header, filter);
  }
  return parse_udp<Ipv6Carrier>(view, size, filter, checks);
}

}  // namespace

ParsedFrame foreign(std::span<const std::uint8_t> frame, const FrameFilter& filter,
                    DropReason reason) noexcept {
  ParsedFrame parsed = drop(reason);
  if (equals(frame.data(), filter.mac) || is_group(frame.data())) {
    parsed.verdict = FrameVerdict::kForeign;
  }
  return parsed;
}

bool can_reply_to_ipv6(const std::uint8_t* source, const FrameFilter& filter) noexcept {
  const bool is_multicast = source[0] == 0xff;
  return !is_multicast && !equals(source, kMappedPrefix) && !equals(source, IpAddress{}) &&
         !equals(source, kIpv6Loopback) && !filter.addresses->has_ipv6(source);
}

ParsedFrame parse_frame(std::span<const std::uint8_t> frame, const FrameFilter& filter,
                        DeviceChecks checks) noexcept {
  if (frame.size() < kEthernetHeaderSize) return drop(DropReason::kFrameTruncated);
  std::uint16_t type = load_be16(frame.data() + kEtherTypeOffset);
  PacketView view{.frame = frame, .packet_at = kEthernetHeaderSize};
  unsigned vlan = 0;
  if (type == kEtherTypeVlan) {
    view.packet_at += kVlanTagSize;
    if (frame.size() < view.packet_at) return drop(DropReason::kFrameTruncated);
    vlan = load_be16(frame.data() + kVlanOffset) & kVlanMask;
    type = load_be16(frame.data() + kTaggedEtherTypeOffset);
    if (type == kEtherTypeVlan || type == kEtherTypeServiceVlan) {
      return drop(DropReason::kVlanNested);
    }
  }
  if (!filter.vlans[vlan]) return foreign(frame, filter, DropReason::kVlan);
  switch (type) {
    case kEtherTypeIpv4:
      return parse_ipv4(view, filter, checks);
    case kEtherTypeIpv6:
      return parse_ipv6(view, filter, checks);
    case kEtherTypeArp:
      return parse_arp(view, filter);
    case kEtherTypeServiceVlan:
      return drop(DropReason::kVlanNested);
    default:
      return foreign(frame, filter, DropReason::kFrameEtherType);
  }
}

}  // namespace pssst::net
