#include "net/frame.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace pssst::net {
namespace {

constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeArp = 0x0806;
constexpr MacAddress kMacBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// Ethernet: destination 6 | source 6 | type 2.
constexpr std::size_t kMacSourceOffset = 6;
constexpr std::size_t kEtherTypeOffset = 12;

// ARP (RFC 826): hardware 2 | protocol 2 | hardware size 1 | protocol size 1 | operation 2 |
// sender MAC 6 | sender IP 4 | target MAC 6 | target IP 4.
constexpr std::size_t kArpSize = 28;
constexpr std::array<std::uint8_t, 6> kArpEthernetIpv4{0x00, 0x01, 0x08, 0x00, 6, 4};
constexpr std::size_t kArpOperationOffset = 6;
constexpr std::size_t kArpSenderMacOffset = 8;
constexpr std::size_t kArpSenderIpOffset = 14;
constexpr std::size_t kArpTargetMacOffset = 18;
constexpr std::size_t kArpTargetIpOffset = 24;
constexpr std::uint16_t kArpRequest = 1;
constexpr std::uint16_t kArpReply = 2;

// IPv4 (RFC 791, section 3.1).
constexpr std::uint8_t kIpVersionAndHeaderWords = 0x45;
constexpr std::size_t kIpTotalLengthOffset = 2;
constexpr std::size_t kIpFragmentOffset = 6;
constexpr std::size_t kIpTtlOffset = 8;
constexpr std::size_t kIpProtocolOffset = 9;
constexpr std::size_t kIpChecksumOffset = 10;
constexpr std::size_t kIpSourceOffset = 12;
constexpr std::size_t kIpDestinationOffset = 16;
constexpr std::uint16_t kIpDontFragment = 0x4000;
constexpr std::uint16_t kIpMoreFragmentsAndOffset = 0x3fff;
constexpr std::uint8_t kIpReplyTtl = 64;
constexpr std::uint8_t kProtocolUdp = 17;

// UDP (RFC 768): source 2 | destination 2 | length 2 | checksum 2.
constexpr std::size_t kUdpDestinationOffset = 2;
constexpr std::size_t kUdpLengthOffset = 4;
constexpr std::size_t kUdpChecksumOffset = 6;

std::uint16_t load_be16(const std::uint8_t* bytes) noexcept {
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
}

void store_be16(std::uint8_t* bytes, std::size_t value) noexcept {
  bytes[0] = static_cast<std::uint8_t>(value >> 8);
  bytes[1] = static_cast<std::uint8_t>(value);
}

template <class Address>
bool equals(const std::uint8_t* bytes, const Address& address) noexcept {
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

bool is_group(const std::uint8_t* mac) noexcept {
  return (mac[0] & 1) != 0;
}

// One's complement sums do not depend on the byte order (RFC 1071, section 2 (B)), so words are
// added as they lie in memory, 32 bits at a time, and the carries folded at the end. Only the last
// piece of a sum may have an odd size.
std::uint64_t add_words(std::uint64_t sum, const std::uint8_t* bytes, std::size_t size) noexcept {
  for (; size >= 4; bytes += 4, size -= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    sum += word;
  }
  std::uint32_t rest = 0;
  std::memcpy(&rest, bytes, size);
  return sum + rest;
}

// The folded sum, in memory order: 0xffff over data that carries its own checksum.
std::uint16_t fold(std::uint64_t sum) noexcept {
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

void store_checksum(std::uint8_t* bytes, std::uint16_t folded) noexcept {
  const auto checksum = static_cast<std::uint16_t>(~folded);
  std::memcpy(bytes, &checksum, sizeof checksum);
}

// The UDP datagram behind the IPv4 header at `ip`, with its pseudo header.
std::uint16_t udp_sum(const std::uint8_t* ip, std::size_t udp_size) noexcept {
  std::array<std::uint8_t, 4> protocol_and_length{0, kProtocolUdp, 0, 0};
  store_be16(&protocol_and_length[2], udp_size);
  std::uint64_t sum = add_words(0, ip + kIpSourceOffset, 2 * sizeof(Ipv4Address));
  sum = add_words(sum, protocol_and_length.data(), protocol_and_length.size());
  return fold(add_words(sum, ip + kIpv4HeaderSize, udp_size));
}

ParsedFrame drop(DropReason reason) noexcept {
  ParsedFrame parsed;
  parsed.drop = reason;
  return parsed;
}

bool can_be_replied_to(const std::uint8_t* frame, const std::uint8_t* source,
                       const FrameFilter& filter) noexcept {
  constexpr Ipv4Address kUnspecified{0, 0, 0, 0};
  constexpr Ipv4Address kLimitedBroadcast{255, 255, 255, 255};
  const bool is_multicast = (source[0] & 0xf0) == 0xe0;
  const bool is_loopback = source[0] == 127;
  return !is_multicast && !is_loopback && !equals(source, kUnspecified) &&
         !equals(source, kLimitedBroadcast) && !equals(source, filter.ip) &&
         !is_group(frame + kMacSourceOffset);
}

ParsedFrame parse_arp(std::span<const std::uint8_t> frame, const FrameFilter& filter) noexcept {
  if (!equals(frame.data(), filter.mac) && !equals(frame.data(), kMacBroadcast)) {
    return drop(DropReason::kFrameNotForUs);
  }
  if (frame.size() < kEthernetHeaderSize + kArpSize) return drop(DropReason::kFrameTruncated);
  const std::uint8_t* arp = frame.data() + kEthernetHeaderSize;
  if (!equals(arp, kArpEthernetIpv4) || is_group(arp + kArpSenderMacOffset)) {
    return drop(DropReason::kArpMalformed);
  }
  // A sender that has our address announces or probes a conflict (RFC 5227): nothing to answer.
  if (load_be16(arp + kArpOperationOffset) != kArpRequest ||
      !equals(arp + kArpTargetIpOffset, filter.ip) || equals(arp + kArpSenderIpOffset, filter.ip)) {
    return drop(DropReason::kArpIgnored);
  }
  ParsedFrame parsed;
  parsed.verdict = FrameVerdict::kArpRequest;
  return parsed;
}

// `udp_size` bytes of IP payload behind the header at `ip`.
ParsedFrame parse_udp(const std::uint8_t* ip, std::size_t udp_size,
                      const FrameFilter& filter) noexcept {
  const std::uint8_t* udp = ip + kIpv4HeaderSize;
  if (udp_size < kUdpHeaderSize || load_be16(udp + kUdpLengthOffset) != udp_size) {
    return drop(DropReason::kUdpLength);
  }
  const std::uint16_t udp_port = load_be16(udp + kUdpDestinationOffset);
  if (load_be16(udp) == 0 || !filter.udp_ports->contains(udp_port))
    return drop(DropReason::kUdpPort);
  if (udp_size > kUdpHeaderSize + kDatagramSizeMax) return drop(DropReason::kFrameOversized);
  if (filter.verify_udp_checksum && load_be16(udp + kUdpChecksumOffset) != 0 &&
      udp_sum(ip, udp_size) != 0xffff) {
    return drop(DropReason::kUdpChecksum);
  }
  ParsedFrame parsed;
  parsed.verdict = FrameVerdict::kDatagram;
  parsed.payload = {udp + kUdpHeaderSize, udp_size - kUdpHeaderSize};
  parsed.udp_port = udp_port;
  std::memcpy(parsed.source.data(), ip + kIpSourceOffset, parsed.source.size());
  return parsed;
}

ParsedFrame parse_ipv4(std::span<const std::uint8_t> frame, const FrameFilter& filter) noexcept {
  if (!equals(frame.data(), filter.mac)) return drop(DropReason::kFrameNotForUs);
  if (frame.size() < kEthernetHeaderSize + kIpv4HeaderSize) {
    return drop(DropReason::kFrameTruncated);
  }
  const std::uint8_t* ip = frame.data() + kEthernetHeaderSize;
  if ((ip[0] >> 4) != 4 || (ip[0] & 0x0f) < kIpv4HeaderSize / 4) {
    return drop(DropReason::kIpHeader);
  }
  if (ip[0] != kIpVersionAndHeaderWords) return drop(DropReason::kIpOptions);
  const std::size_t total_length = load_be16(ip + kIpTotalLengthOffset);
  if (total_length < kIpv4HeaderSize) return drop(DropReason::kIpHeader);
  if (total_length > frame.size() - kEthernetHeaderSize) return drop(DropReason::kFrameTruncated);
  if (fold(add_words(0, ip, kIpv4HeaderSize)) != 0xffff) return drop(DropReason::kIpChecksum);
  if (!equals(ip + kIpDestinationOffset, filter.ip)) return drop(DropReason::kFrameNotForUs);
  if (!can_be_replied_to(frame.data(), ip + kIpSourceOffset, filter)) {
    return drop(DropReason::kIpSource);
  }
  if ((load_be16(ip + kIpFragmentOffset) & kIpMoreFragmentsAndOffset) != 0) {
    return drop(DropReason::kIpFragment);
  }
  if (ip[kIpProtocolOffset] != kProtocolUdp) return drop(DropReason::kIpProtocol);
  return parse_udp(ip, total_length - kIpv4HeaderSize, filter);
}

}  // namespace

ParsedFrame parse_frame(std::span<const std::uint8_t> frame, const FrameFilter& filter) noexcept {
  if (frame.size() < kEthernetHeaderSize) return drop(DropReason::kFrameTruncated);
  switch (load_be16(frame.data() + kEtherTypeOffset)) {
    case kEtherTypeIpv4:
      return parse_ipv4(frame, filter);
    case kEtherTypeArp:
      return parse_arp(frame, filter);
    default:
      return drop(DropReason::kFrameEtherType);
  }
}

void make_arp_reply(std::span<std::uint8_t> frame, const FrameFilter& filter) noexcept {
  PSSST_ASSERT(frame.size() >= kEthernetHeaderSize + kArpSize);
  std::uint8_t* arp = frame.data() + kEthernetHeaderSize;
  store_be16(arp + kArpOperationOffset, kArpReply);
  std::memcpy(arp + kArpTargetMacOffset, arp + kArpSenderMacOffset,
              sizeof(MacAddress) + sizeof(Ipv4Address));
  store(arp + kArpSenderMacOffset, filter.mac);
  store(arp + kArpSenderIpOffset, filter.ip);
  std::memcpy(frame.data(), arp + kArpTargetMacOffset, sizeof(MacAddress));
  store(frame.data() + kMacSourceOffset, filter.mac);
}

std::size_t make_reply_frame(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             std::span<const std::uint8_t> payload) noexcept {
  PSSST_ASSERT(frame.size() >= kFrameHeaderSize + payload.size());
  const std::uint8_t* ip = frame.data() + kEthernetHeaderSize;
  const std::uint8_t* udp = ip + kIpv4HeaderSize;
  FrameAddresses addresses{.source_mac = filter.mac,
                           .source_ip = filter.ip,
                           .source_udp_port = load_be16(udp + kUdpDestinationOffset),
                           .destination_udp_port = load_be16(udp)};
  load(frame.data() + kMacSourceOffset, addresses.destination_mac);
  load(ip + kIpSourceOffset, addresses.destination_ip);
  return make_datagram_frame(frame, addresses, payload);
}

std::size_t make_datagram_frame(std::span<std::uint8_t> frame, const FrameAddresses& addresses,
                                std::span<const std::uint8_t> payload) noexcept {
  PSSST_ASSERT(payload.size() <= kDatagramSizeMax);
  PSSST_ASSERT(frame.size() >= kFrameHeaderSize + payload.size());
  store(frame.data(), addresses.destination_mac);
  store(frame.data() + kMacSourceOffset, addresses.source_mac);
  store_be16(frame.data() + kEtherTypeOffset, kEtherTypeIpv4);

  const std::size_t udp_size = kUdpHeaderSize + payload.size();
  std::uint8_t* ip = frame.data() + kEthernetHeaderSize;
  std::memset(ip, 0, kIpSourceOffset);
  ip[0] = kIpVersionAndHeaderWords;
  store_be16(ip + kIpTotalLengthOffset, kIpv4HeaderSize + udp_size);
  store_be16(ip + kIpFragmentOffset, kIpDontFragment);
  ip[kIpTtlOffset] = kIpReplyTtl;
  ip[kIpProtocolOffset] = kProtocolUdp;
  store(ip + kIpSourceOffset, addresses.source_ip);
  store(ip + kIpDestinationOffset, addresses.destination_ip);
  store_checksum(ip + kIpChecksumOffset, fold(add_words(0, ip, kIpv4HeaderSize)));

  std::uint8_t* udp = ip + kIpv4HeaderSize;
  store_be16(udp, addresses.source_udp_port);
  store_be16(udp + kUdpDestinationOffset, addresses.destination_udp_port);
  store_be16(udp + kUdpLengthOffset, udp_size);
  store_be16(udp + kUdpChecksumOffset, 0);
  if (!payload.empty()) std::memcpy(udp + kUdpHeaderSize, payload.data(), payload.size());
  // A checksum of zero would say that there is none (RFC 768).
  const std::uint16_t sum = udp_sum(ip, udp_size);
  store_checksum(udp + kUdpChecksumOffset, sum == 0xffff ? 0 : sum);
  return kFrameHeaderSize + payload.size();
}

std::size_t make_arp_request(std::span<std::uint8_t> frame, const FrameFilter& filter,
                             const Ipv4Address& wanted) noexcept {
  PSSST_ASSERT(frame.size() >= kFrameSizeMin);
  std::memset(frame.data(), 0, kFrameSizeMin);
  store(frame.data(), kMacBroadcast);
  store(frame.data() + kMacSourceOffset, filter.mac);
  store_be16(frame.data() + kEtherTypeOffset, kEtherTypeArp);
  std::uint8_t* arp = frame.data() + kEthernetHeaderSize;
  store(arp, kArpEthernetIpv4);
  store_be16(arp + kArpOperationOffset, kArpRequest);
  store(arp + kArpSenderMacOffset, filter.mac);
  store(arp + kArpSenderIpOffset, filter.ip);
  store(arp + kArpTargetIpOffset, wanted);
  return kFrameSizeMin;
}

std::optional<MacAddress> read_arp_reply(std::span<const std::uint8_t> frame,
                                         const FrameFilter& filter,
                                         const Ipv4Address& wanted) noexcept {
  if (frame.size() < kEthernetHeaderSize + kArpSize || !equals(frame.data(), filter.mac) ||
      load_be16(frame.data() + kEtherTypeOffset) != kEtherTypeArp) {
    return std::nullopt;
  }
  const std::uint8_t* arp = frame.data() + kEthernetHeaderSize;
  if (!equals(arp, kArpEthernetIpv4) || load_be16(arp + kArpOperationOffset) != kArpReply ||
      !equals(arp + kArpSenderIpOffset, wanted) || is_group(arp + kArpSenderMacOffset)) {
    return std::nullopt;
  }
  MacAddress mac{};
  load(arp + kArpSenderMacOffset, mac);
  return mac;
}

}  // namespace pssst::net
