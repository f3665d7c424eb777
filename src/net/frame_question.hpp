/// What frame.cpp leaves to frame_question.cpp: ARP, ICMP and neighbour discovery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/frame.hpp"

namespace pssst::net {

/// Everything behind the Ethernet header of a frame, and where that frame stands.
struct PacketView {
  std::span<const std::uint8_t> frame;
  std::size_t packet_at = 0;  ///< of the IP or ARP header

  [[nodiscard]] const std::uint8_t* packet() const noexcept { return frame.data() + packet_at; }
  [[nodiscard]] std::size_t size() const noexcept { return frame.size() - packet_at; }
};

[[nodiscard]] inline ParsedFrame drop(DropReason reason) noexcept {
  ParsedFrame parsed;
  parsed.drop = reason;
  return parsed;
}

/// Of no use to us: the kernel's, if the frame was sent to our MAC or to a group.
[[nodiscard]] ParsedFrame foreign(std::span<const std::uint8_t> frame, const FrameFilter& filter,
                                  DropReason reason) noexcept;

/// Whether a reply may go to the IPv6 address at `source`.
[[nodiscard]] bool can_reply_to_ipv6(const std::uint8_t* source,
                                     const FrameFilter& filter) noexcept;

[[nodiscard]] ParsedFrame parse_arp(const PacketView& view, const FrameFilter& filter) noexcept;

/// `size` bytes behind an IPv4 header that is all right and addressed to us.
[[nodiscard]] ParsedFrame parse_icmp(const PacketView& view, std::size_t size,
                                     const FrameFilter& filter) noexcept;

/// `size` bytes behind an IPv6 header whose lengths are all right. Neither of its addresses nor the
/// destination MAC has been looked at.
[[nodiscard]] ParsedFrame parse_icmpv6(const PacketView& view, std::size_t size,
                                       const FrameFilter& filter) noexcept;

}  // namespace pssst::net
