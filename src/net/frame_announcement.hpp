/// What a host says unasked, or asks: of ARP and neighbour discovery, the frames that do not answer
/// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/frame.hpp"

namespace pssst::net {

/// Room for any frame of this header.
inline constexpr std::size_t kAnnouncementRoom = 96;

/// Tells everybody on the link, in one VLAN (0: untagged), that `address` is at our MAC address: an
/// ARP announcement (RFC 5227, section 3) or an unsolicited neighbour advertisement (RFC 4861,
/// section 7.2.6). `frame` has kAnnouncementRoom bytes and may hold anything before; returns the
/// frame's size.
[[nodiscard]] std::size_t make_announcement(std::span<std::uint8_t> frame, const MacAddress& mac,
                                            const IpAddress& address, std::uint16_t vlan) noexcept;

enum class GroupReport : std::uint8_t { kJoined, kListening };

/// Tells routers and switches that snoop (RFC 4541), in one VLAN, that we listen to the group to
/// which neighbours of the IPv6 `address` send their solicitations: else a switch may keep those
/// from us. A listener report of version 2 (RFC 3810, section 5.2) from `link_local`, or from the
/// unspecified address if that is none. Joined: as of now; listening: still. `frame` and what is
/// returned: as make_announcement().
[[nodiscard]] std::size_t make_group_report(std::span<std::uint8_t> frame, const MacAddress& mac,
                                            const IpAddress& address,
                                            const std::optional<IpAddress>& link_local,
                                            std::uint16_t vlan, GroupReport report) noexcept;

/// Asks everybody on the link who has `wanted` (RFC 826). Returns the frame's size, kFrameSizeMin;
/// `frame` has room for that.
std::size_t make_arp_request(std::span<std::uint8_t> frame, const MacAddress& mac,
                             const Ipv4Address& own, const Ipv4Address& wanted) noexcept;

/// The MAC address in an ARP reply from `wanted` to us; none if the frame is anything else.
[[nodiscard]] std::optional<MacAddress> read_arp_reply(std::span<const std::uint8_t> frame,
                                                       const MacAddress& mac,
                                                       const Ipv4Address& wanted) noexcept;

}  // namespace pssst::net
