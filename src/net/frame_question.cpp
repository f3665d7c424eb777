#include "net/frame_question.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "net/frame_layout.hpp"

namespace pssst::net {
namespace {

constexpr std::size_t kAdvertisementSize = kNdpOptionsOffset + kNdpOptionUnit;
static_assert(kAnswerRoom >=
              kEthernetHeaderSize + kVlanTagSize + kIpv6HeaderSize + kAdvertisementSize);

ParsedFrame question(FrameQuestion which) noexcept {
  ParsedFrame parsed;
  parsed.verdict = FrameVerdict::kQuestion;
  parsed.question = which;
  return parsed;
}

/// The answer to an echo request has its size, and is never a fragment.
ParsedFrame echo(FrameQuestion which, std::size_t packet_size, const FrameFilter& filter) noexcept {
  return packet_size > filter.mtu ? drop(DropReason::kFrameOversized) : question(which);
}

bool is_for_our_group(const PacketView& view, const FrameFilter& filter) noexcept {
  const std::uint8_t* destination = view.packet() + kIpv6DestinationOffset;
  return std::ranges::any_of(filter.addresses->ipv6(), [&](const IpAddress& ours) {
    const IpAddress group = solicited_node(ours);
    return equals(destination, group) && equals(view.frame.data(), group_mac(group));
  });
}

/// RFC 4861, section 7.1.1: `size` bytes of ICMPv6 whose checksum is right.
bool is_valid_solicitation(const std::uint8_t* ip, std::size_t size, bool is_probe) noexcept {
  const std::uint8_t* icmp = ip + kIpv6HeaderSize;
  if (ip[kIpv6HopLimitOffset] != kNdpHopLimit || icmp[1] != 0 || size < kNdpOptionsOffset ||
      icmp[kNdpTargetOffset] == 0xff) {
    return false;
  }
  for (std::size_t at = kNdpOptionsOffset; at < size;) {
    if (size - at < kNdpOptionUnit) return false;
    const std::size_t option_size = icmp[at + 1] * kNdpOptionUnit;
    if (option_size == 0 || option_size > size - at) return false;
    if (is_probe && icmp[at] == kNdpSourceLinkAddress) return false;
    at += option_size;
  }
  return true;
}

ParsedFrame parse_solicitation(const PacketView& view, std::size_t size, bool is_unicast,
                               const FrameFilter& filter) noexcept {
  const std::uint8_t* ip = view.packet();
  const std::uint8_t* source = ip + kIpv6SourceOffset;
  const bool is_probe = equals(source, IpAddress{});
  if (!is_valid_solicitation(ip, size, is_probe) || (is_probe && is_unicast)) {
    return drop(DropReason::kNdpMalformed);
  }
  if ((!is_probe && !can_reply_to_ipv6(source, filter)) ||
      is_group(view.frame.data() + kMacSourceOffset)) {
    return drop(DropReason::kIpSource);
  }
  if (!filter.addresses->has_ipv6(ip + kIpv6HeaderSize + kNdpTargetOffset)) {
    return foreign(view.frame, filter, DropReason::kNdpIgnored);
  }
  return question(FrameQuestion::kNeighbour);
}

std::size_t packet_offset(std::span<const std::uint8_t> frame) noexcept {
  const bool is_tagged = load_be16(frame.data() + kEtherTypeOffset) == kEtherTypeVlan;
  return kEthernetHeaderSize + (is_tagged ? kVlanTagSize : 0);
}

void swap_macs(std::uint8_t* frame, const MacAddress& own) noexcept {
  std::memcpy(frame, frame + kMacSourceOffset, sizeof(MacAddress));
  store(frame + kMacSourceOffset, own);
}

void make_arp_reply(std::uint8_t* frame, std::uint8_t* arp, const FrameFilter& filter) noexcept {
  Ipv4Address wanted{};
  load(arp + kArpTargetIpOffset, wanted);
  store_be16(arp + kArpOperationOffset, kArpReply);
  std::memcpy(arp + kArpTargetMacOffset, arp + kArpSenderMacOffset,
              sizeof(MacAddress) + sizeof(Ipv4Address));
  store(arp + kArpSenderMacOffset, filter.mac);
  store(arp + kArpSenderIpOffset, wanted);
  std::memcpy(frame, arp + kArpTargetMacOffset, sizeof(MacAddress));
  store(frame + kMacSourceOffset, filter.mac);
}

void make_advertisement(std::uint8_t* frame, std::uint8_t* ip, const FrameFilter& filter) noexcept {
  std::uint8_t* icmp = ip + kIpv6HeaderSize;
  std::uint8_t* source = ip + kIpv6SourceOffset;
  std::uint8_t* destination = ip + kIpv6DestinationOffset;
  const bool is_probe = equals(source, IpAddress{});
  swap_macs(frame, filter.mac);
  if (is_probe) {
    store(frame, group_mac(kIpv6AllNodes));
    store(destination, kIpv6AllNodes);
  } else {
    std::memcpy(destination, source, sizeof(IpAddress));
  }
  std::memcpy(source, icmp + kNdpTargetOffset, sizeof(IpAddress));
  ip[0] = kIpv6Version;
  std::memset(ip + 1, 0, kIpv6PayloadLengthOffset - 1);
  store_be16(ip + kIpv6PayloadLengthOffset, kAdvertisementSize);
  icmp[0] = kNeighbourAdvertisement;
  std::memset(icmp + 1, 0, kNdpTargetOffset - 1);
  icmp[kNdpFlagsOffset] = static_cast<std::uint8_t>(kNdpOverride | (is_probe ? 0 : kNdpSolicited));
  icmp[kNdpOptionsOffset] = kNdpTargetLinkAddress;
  icmp[kNdpOptionsOffset + 1] = 1;
  store(icmp + kNdpOptionsOffset + 2, filter.mac);
  store_checksum(icmp + kIcmpChecksumOffset,
                 ipv6_transport_sum(ip, kProtocolIcmpv6, icmp, kAdvertisementSize));
}

void swap_addresses(std::uint8_t* source, std::size_t size) noexcept {
  std::swap_ranges(source, source + size, source + size);
}

/// Returns the size of the IP packet.
std::size_t make_echo_reply_ipv4(std::uint8_t* ip) noexcept {
  const std::size_t total_length = load_be16(ip + kIpv4TotalLengthOffset);
  const std::size_t size = total_length - kIpv4HeaderSize;
  std::memset(ip + 4, 0, kIpv4SourceOffset - 4);
  ip[1] = 0;
  store_be16(ip + kIpv4FragmentOffset, kIpv4DontFragment);
  ip[kIpv4TtlOffset] = kReplyTtl;
  ip[kIpv4ProtocolOffset] = kProtocolIcmp;
  swap_addresses(ip + kIpv4SourceOffset, sizeof(Ipv4Address));
  store_checksum(ip + kIpv4ChecksumOffset, fold(add_words(0, ip, kIpv4HeaderSize)));
  std::uint8_t* icmp = ip + kIpv4HeaderSize;
  icmp[0] = kIcmpEchoReply;
  store_be16(icmp + kIcmpChecksumOffset, 0);
  store_checksum(icmp + kIcmpChecksumOffset, fold(add_words(0, icmp, size)));
  return total_length;
}

std::size_t make_echo_reply_ipv6(std::uint8_t* ip) noexcept {
  const std::size_t size = load_be16(ip + kIpv6PayloadLengthOffset);
  ip[0] = kIpv6Version;
  std::memset(ip + 1, 0, kIpv6PayloadLengthOffset - 1);
  ip[kIpv6HopLimitOffset] = kReplyTtl;
  swap_addresses(ip + kIpv6SourceOffset, sizeof(IpAddress));
  std::uint8_t* icmp = ip + kIpv6HeaderSize;
  icmp[0] = kIcmpv6EchoReply;
  store_be16(icmp + kIcmpChecksumOffset, 0);
  store_checksum(icmp + kIcmpChecksumOffset, ipv6_transport_sum(ip, kProtocolIcmpv6, icmp, size));
  return kIpv6HeaderSize + size;
}

}  // namespace

ParsedFrame parse_arp(const PacketView& view, const FrameFilter& filter) noexcept {
  if (!equals(view.frame.data(), filter.mac) && !equals(view.frame.data(), kMacBroadcast)) {
    return foreign(view.frame, filter, DropReason::kFrameNotForUs);
  }
  if (view.size() < kArpSize) return drop(DropReason::kFrameTruncated);
  const std::uint8_t* arp = view.packet();
  if (!equals(arp, kArpEthernetIpv4) || is_group(arp + kArpSenderMacOffset)) {
    return drop(DropReason::kArpMalformed);
  }
  // A sender that has our address announces or probes a conflict (RFC 5227): nothing to answer.
  if (load_be16(arp + kArpOperationOffset) != kArpRequest ||
      !filter.addresses->has_ipv4(arp + kArpTargetIpOffset) ||
      filter.addresses->has_ipv4(arp + kArpSenderIpOffset)) {
    return foreign(view.frame, filter, DropReason::kArpIgnored);
  }
  return question(FrameQuestion::kArp);
}

ParsedFrame parse_icmp(const PacketView& view, std::size_t size,
                       const FrameFilter& filter) noexcept {
  const std::uint8_t* icmp = view.packet() + kIpv4HeaderSize;
  if (size < kIcmpHeaderSize || fold(add_words(0, icmp, size)) != 0xffff) {
    return drop(DropReason::kIcmpMalformed);
  }
  if (icmp[0] != kIcmpEcho || icmp[1] != 0) {
    return foreign(view.frame, filter, DropReason::kIcmpIgnored);
  }
  return echo(FrameQuestion::kEchoIpv4, kIpv4HeaderSize + size, filter);
}

ParsedFrame parse_icmpv6(const PacketView& view, std::size_t size,
                         const FrameFilter& filter) noexcept {
  const std::uint8_t* ip = view.packet();
  const std::uint8_t* icmp = ip + kIpv6HeaderSize;
  const bool is_unicast = equals(view.frame.data(), filter.mac) &&
                          filter.addresses->has_ipv6(ip + kIpv6DestinationOffset);
  if (!is_unicast && !is_for_our_group(view, filter)) {
    return foreign(view.frame, filter, DropReason::kFrameNotForUs);
  }
  if (size < kIcmpHeaderSize || ipv6_transport_sum(ip, kProtocolIcmpv6, icmp, size) != 0xffff) {
    return drop(DropReason::kIcmpMalformed);
  }
  if (icmp[0] == kNeighbourSolicitation) {
    return parse_solicitation(view, size, is_unicast, filter);
  }
  const bool is_discovery = icmp[0] >= kRouterSolicitation && icmp[0] <= kRedirect;
  if (icmp[0] != kIcmpv6Echo || icmp[1] != 0 || !is_unicast) {
    return foreign(view.frame, filter,
                   is_discovery ? DropReason::kNdpIgnored : DropReason::kIcmpIgnored);
  }
  if (!can_reply_to_ipv6(ip + kIpv6SourceOffset, filter) ||
      is_group(view.frame.data() + kMacSourceOffset)) {
    return drop(DropReason::kIpSource);
  }
  return echo(FrameQuestion::kEchoIpv6, kIpv6HeaderSize + size, filter);
}

std::size_t make_answer(std::span<std::uint8_t> room, std::size_t size, FrameQuestion question,
                        const FrameFilter& filter) noexcept {
  PSSST_ASSERT(room.size() >= std::max(size, kAnswerRoom));
  const std::size_t packet_at = packet_offset(room);
  std::uint8_t* packet = room.data() + packet_at;
  std::size_t packet_size = 0;
  switch (question) {
    case FrameQuestion::kArp:
      make_arp_reply(room.data(), packet, filter);
      return size;
    case FrameQuestion::kNeighbour:
      make_advertisement(room.data(), packet, filter);
      return packet_at + kIpv6HeaderSize + kAdvertisementSize;
    case FrameQuestion::kEchoIpv4:
      packet_size = make_echo_reply_ipv4(packet);
      break;
    case FrameQuestion::kEchoIpv6:
      packet_size = make_echo_reply_ipv6(packet);
      break;
  }
  swap_macs(room.data(), filter.mac);
  if (filter.gateway_mac) store(room.data(), *filter.gateway_mac);
  // The padding of a short frame goes back with it.
  return std::max(packet_at + packet_size, std::min(size, kFrameSizeMin));
}

}  // namespace pssst::net
