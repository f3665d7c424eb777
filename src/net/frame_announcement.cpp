#include "net/frame_announcement.hpp"

#include <cstring>

#include "base/assert.hpp"
#include "net/frame_layout.hpp"

namespace pssst::net {
namespace {

constexpr std::size_t kAdvertisementSize = kNdpOptionsOffset + kNdpOptionUnit;
static_assert(kAnnouncementRoom >=
              kEthernetHeaderSize + kVlanTagSize + kIpv6HeaderSize + kAdvertisementSize);
static_assert(kAnnouncementRoom >= kFrameSizeMin + kVlanTagSize);
constexpr std::size_t kReportSize = kIpv6RouterAlert.size() + kListenerReportSize;
static_assert(kAnnouncementRoom >=
              kEthernetHeaderSize + kVlanTagSize + kIpv6HeaderSize + kReportSize);

/// Returns where the packet begins.
std::size_t start_frame(std::span<std::uint8_t> frame, const MacAddress& destination,
                        const MacAddress& source, std::uint16_t vlan, std::uint16_t type) noexcept {
  store(frame.data(), destination);
  store(frame.data() + kMacSourceOffset, source);
  if (vlan == 0) {
    store_be16(frame.data() + kEtherTypeOffset, type);
    return kEthernetHeaderSize;
  }
  store_be16(frame.data() + kEtherTypeOffset, kEtherTypeVlan);
  store_be16(frame.data() + kVlanOffset, vlan);
  store_be16(frame.data() + kTaggedEtherTypeOffset, type);
  return kEthernetHeaderSize + kVlanTagSize;
}

/// A broadcast request; the target's MAC address is what is asked for.
std::size_t write_arp_request(std::span<std::uint8_t> frame, const MacAddress& mac,
                              const Ipv4Address& own, const Ipv4Address& wanted,
                              std::uint16_t vlan) noexcept {
  const std::size_t size = kFrameSizeMin + (vlan == 0 ? 0 : kVlanTagSize);
  PSSST_ASSERT(frame.size() >= size);
  std::memset(frame.data(), 0, size);
  std::uint8_t* arp = frame.data() + start_frame(frame, kMacBroadcast, mac, vlan, kEtherTypeArp);
  store(arp, kArpEthernetIpv4);
  store_be16(arp + kArpOperationOffset, kArpRequest);
  store(arp + kArpSenderMacOffset, mac);
  store(arp + kArpSenderIpOffset, own);
  store(arp + kArpTargetIpOffset, wanted);
  return size;
}

std::size_t write_advertisement(std::span<std::uint8_t> frame, const MacAddress& mac,
                                const IpAddress& address, std::uint16_t vlan) noexcept {
  const std::size_t ip_at = start_frame(frame, group_mac(kIpv6AllNodes), mac, vlan, kEtherTypeIpv6);
  std::uint8_t* ip = frame.data() + ip_at;
  std::memset(ip, 0, kIpv6HeaderSize + kAdvertisementSize);
  ip[0] = kIpv6Version;
  store_be16(ip + kIpv6PayloadLengthOffset, kAdvertisementSize);
  ip[kIpv6NextHeaderOffset] = kProtocolIcmpv6;
  ip[kIpv6HopLimitOffset] = kNdpHopLimit;
  store(ip + kIpv6SourceOffset, address);
  store(ip + kIpv6DestinationOffset, kIpv6AllNodes);
  std::uint8_t* icmp = ip + kIpv6HeaderSize;
  icmp[0] = kNeighbourAdvertisement;
  icmp[kNdpFlagsOffset] = kNdpOverride;
  store(icmp + kNdpTargetOffset, address);
  icmp[kNdpOptionsOffset] = kNdpTargetLinkAddress;
  icmp[kNdpOptionsOffset + 1] = 1;
  store(icmp + kNdpOptionsOffset + 2, mac);
  store_checksum(icmp + kIcmpChecksumOffset,
                 ipv6_transport_sum(ip, kProtocolIcmpv6, icmp, kAdvertisementSize));
  return ip_at + kIpv6HeaderSize + kAdvertisementSize;
}

}  // namespace

std::size_t make_announcement(std::span<std::uint8_t> frame, const MacAddress& mac,
                              const IpAddress& address, std::uint16_t vlan) noexcept {
  PSSST_ASSERT(frame.size() >= kAnnouncementRoom);
  if (!is_mapped(address)) return write_advertisement(frame, mac, address, vlan);
  const Ipv4Address own = unmapped(address);
  return write_arp_request(frame, mac, own, own, vlan);
}

// RFC 3810: section 5 for the hop limit of 1, section 5.2.13 for the source, 5.2.14 for the
// destination.
std::size_t make_group_report(std::span<std::uint8_t> frame, const MacAddress& mac,
                              const IpAddress& address, const std::optional<IpAddress>& link_local,
                              std::uint16_t vlan, GroupReport report) noexcept {
  PSSST_ASSERT(frame.size() >= kAnnouncementRoom && !is_mapped(address));
  const std::size_t ip_at =
      start_frame(frame, group_mac(kIpv6AllListenerRouters), mac, vlan, kEtherTypeIpv6);
  std::uint8_t* ip = frame.data() + ip_at;
  std::memset(ip, 0, kIpv6HeaderSize + kReportSize);
  ip[0] = kIpv6Version;
  store_be16(ip + kIpv6PayloadLengthOffset, kReportSize);
  ip[kIpv6NextHeaderOffset] = kProtocolIpv6HopByHop;
  ip[kIpv6HopLimitOffset] = 1;
  if (link_local) store(ip + kIpv6SourceOffset, *link_local);
  store(ip + kIpv6DestinationOffset, kIpv6AllListenerRouters);
  store(ip + kIpv6HeaderSize, kIpv6RouterAlert);
  std::uint8_t* icmp = ip + kIpv6HeaderSize + kIpv6RouterAlert.size();
  icmp[0] = kListenerReport;
  store_be16(icmp + kListenerCountOffset, 1);
  icmp[kListenerRecordOffset] =
      report == GroupReport::kJoined ? kListensExcludingFromNow : kListensExcluding;
  store(icmp + kListenerGroupOffset, solicited_node(address));
  store_checksum(icmp + kIcmpChecksumOffset,
                 ipv6_transport_sum(ip, kProtocolIcmpv6, icmp, kListenerReportSize));
  return ip_at + kIpv6HeaderSize + kReportSize;
}

std::size_t make_arp_request(std::span<std::uint8_t> frame, const MacAddress& mac,
                             const Ipv4Address& own, const Ipv4Address& wanted) noexcept {
  return write_arp_request(frame, mac, own, wanted, 0);
}

std::optional<MacAddress> read_arp_reply(std::span<const std::uint8_t> frame, const MacAddress& mac,
                                         const Ipv4Address& wanted) noexcept {
  if (frame.size() < kEthernetHeaderSize + kArpSize || !equals(frame.data(), mac) ||
      load_be16(frame.data() + kEtherTypeOffset) != kEtherTypeArp) {
    return std::nullopt;
  }
  const std::uint8_t* arp = frame.data() + kEthernetHeaderSize;
  if (!equals(arp, kArpEthernetIpv4) || load_be16(arp + kArpOperationOffset) != kArpReply ||
      !equals(arp + kArpSenderIpOffset, wanted) || is_group(arp + kArpSenderMacOffset)) {
    return std::nullopt;
  }
  MacAddress sender{};
  load(arp + kArpSenderMacOffset, sender);
  return sender;
}

}  // namespace pssst::net
