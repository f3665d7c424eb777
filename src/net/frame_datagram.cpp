#include <cstring>

#include "base/assert.hpp"
#include "net/frame.hpp"
#include "net/frame_layout.hpp"

namespace pssst::net {
namespace {

// A checksum of zero would say that there is none (RFC 768, RFC 8200).
void store_udp_checksum(std::uint8_t* udp, std::uint16_t sum) noexcept {
  store_checksum(udp + kUdpChecksumOffset, sum == 0xffff ? 0 : sum);
}

void finish_udp(std::uint8_t* udp, std::span<const std::uint8_t> payload) noexcept {
  store_be16(udp + kUdpLengthOffset, kUdpHeaderSize + payload.size());
  store_be16(udp + kUdpChecksumOffset, 0);
  if (!payload.empty()) std::memcpy(udp + kUdpHeaderSize, payload.data(), payload.size());
}

/// All but addresses and UDP ports, which are there already.
std::size_t finish_ipv4(std::uint8_t* ip, std::span<const std::uint8_t> payload) noexcept {
  const std::size_t udp_size = kUdpHeaderSize + payload.size();
  std::memset(ip, 0, kIpv4SourceOffset);
  ip[0] = kIpv4VersionAndHeaderWords;
  store_be16(ip + kIpv4TotalLengthOffset, kIpv4HeaderSize + udp_size);
  store_be16(ip + kIpv4FragmentOffset, kIpv4DontFragment);
  ip[kIpv4TtlOffset] = kReplyTtl;
  ip[kIpv4ProtocolOffset] = kProtocolUdp;
  store_checksum(ip + kIpv4ChecksumOffset, fold(add_words(0, ip, kIpv4HeaderSize)));
  std::uint8_t* udp = ip + kIpv4HeaderSize;
  finish_udp(udp, payload);
  store_udp_checksum(udp, ipv4_transport_sum(ip, kProtocolUdp, udp, udp_size));
  return kIpv4HeaderSize + udp_size;
}

std::size_t finish_ipv6(std::uint8_t* ip, std::span<const std::uint8_t> payload) noexcept {
  const std::size_t udp_size = kUdpHeaderSize + payload.size();
  std::memset(ip, 0, kIpv6SourceOffset);
  ip[0] = kIpv6Version;
  store_be16(ip + kIpv6PayloadLengthOffset, udp_size);
  ip[kIpv6NextHeaderOffset] = kProtocolUdp;
  ip[kIpv6HopLimitOffset] = kReplyTtl;
  std::uint8_t* udp = ip + kIpv6HeaderSize;
  finish_udp(udp, payload);
  store_udp_checksum(udp, ipv6_transport_sum(ip, kProtocolUdp, udp, udp_size));
  return kIpv6HeaderSize + udp_size;
}

template <class Word>
void swap_words(std::uint8_t* first, std::uint8_t* second) noexcept {
  Word a{};
  Word b{};
  std::memcpy(&a, first, sizeof a);
  std::memcpy(&b, second, sizeof b);
  std::memcpy(first, &b, sizeof b);
  std::memcpy(second, &a, sizeof a);
}

}  // namespace

std::size_t make_reply_frame(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             std::span<const std::uint8_t> payload) noexcept {
  PSSST_ASSERT(payload.size() <= kDatagramSizeMax);
  std::memcpy(frame.data(),
              filter.gateway_mac ? filter.gateway_mac->data() : frame.data() + kMacSourceOffset,
              sizeof(MacAddress));
  store(frame.data() + kMacSourceOffset, filter.mac);
  std::size_t packet_at = kEthernetHeaderSize;
  std::uint16_t type = load_be16(frame.data() + kEtherTypeOffset);
  if (type == kEtherTypeVlan) {
    packet_at += kVlanTagSize;
    type = load_be16(frame.data() + kTaggedEtherTypeOffset);
  }
  std::uint8_t* ip = frame.data() + packet_at;
  if (type == kEtherTypeIpv4) {
    PSSST_ASSERT(frame.size() >= packet_at + kIpv4HeaderSize + kUdpHeaderSize + payload.size());
    std::uint8_t* udp = ip + kIpv4HeaderSize;
    swap_words<Ipv4Address>(ip + kIpv4SourceOffset, ip + kIpv4DestinationOffset);
    swap_words<std::uint16_t>(udp, udp + kUdpDestinationOffset);
    return packet_at + finish_ipv4(ip, payload);
  }
  PSSST_ASSERT(frame.size() >= packet_at + kIpv6HeaderSize + kUdpHeaderSize + payload.size());
  std::uint8_t* udp = ip + kIpv6HeaderSize;
  swap_words<IpAddress>(ip + kIpv6SourceOffset, ip + kIpv6DestinationOffset);
  swap_words<std::uint16_t>(udp, udp + kUdpDestinationOffset);
  return packet_at + finish_ipv6(ip, payload);
}

std::size_t make_datagram_frame(std::span<std::uint8_t> frame, const FrameAddresses& addresses,
                                std::span<const std::uint8_t> payload) noexcept {
  PSSST_ASSERT(payload.size() <= kDatagramSizeMax);
  const bool is_ipv4 = is_mapped(addresses.destination_ip);
  const std::size_t ip_header_size = is_ipv4 ? kIpv4HeaderSize : kIpv6HeaderSize;
  PSSST_ASSERT(frame.size() >=
               kEthernetHeaderSize + ip_header_size + kUdpHeaderSize + payload.size());
  store(frame.data(), addresses.destination_mac);
  store(frame.data() + kMacSourceOffset, addresses.source_mac);
  store_be16(frame.data() + kEtherTypeOffset, is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  std::uint8_t* ip = frame.data() + kEthernetHeaderSize;
  std::uint8_t* udp = ip + ip_header_size;
  store_be16(udp, addresses.source_udp_port);
  store_be16(udp + kUdpDestinationOffset, addresses.destination_udp_port);
  if (is_ipv4) {
    store(ip + kIpv4SourceOffset, unmapped(addresses.source_ip));
    store(ip + kIpv4DestinationOffset, unmapped(addresses.destination_ip));
    return kEthernetHeaderSize + finish_ipv4(ip, payload);
  }
  store(ip + kIpv6SourceOffset, addresses.source_ip);
  store(ip + kIpv6DestinationOffset, addresses.destination_ip);
  return kEthernetHeaderSize + finish_ipv6(ip, payload);
}

}  // namespace pssst::net
