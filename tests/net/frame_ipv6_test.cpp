// Datagrams over IPv6.
#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "net/frame.hpp"
#include "net/frame_bytes.hpp"
#include "net/frame_drop_case.hpp"

namespace pssst::net {
namespace {

using namespace test;

// Built and checksummed by another implementation (scapy).
constexpr std::string_view kForeignRequest =
    "02000000000102000000009986dd6ab0cdef000d113d20010db800000000000000000000006320010db80000000000"
    "00"
    "0000000000019c401388000db06368656c6c6f";
constexpr std::string_view kForeignReply =
    "02000000009902000000000186dd60000000000f114020010db800000000000000000000000120010db80000000000"
    "00"
    "00000000006313889c40000f373f61207265706c79";

constexpr std::size_t kHeaders = kEthernetHeaderSize + kIpv6HeaderSize + kUdpHeaderSize;

void put(Bytes& frame, std::size_t at, std::span<const std::uint8_t> bytes) {
  std::copy(bytes.begin(), bytes.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
}

TEST(Ipv6Frame, TakesAForeignDatagramAndAnswersWithTheForeignReply) {
  Bytes frame = *base::from_hex(kForeignRequest);
  const ParsedFrame parsed = parse(frame);
  ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
  EXPECT_EQ(std::string(parsed.payload.begin(), parsed.payload.end()), "hello");
  EXPECT_EQ(parsed.udp_port, kOurUdpPort);
  EXPECT_EQ(parsed.source(), kPeerIp6);
  EXPECT_EQ(parsed.destination(), kOurIp6);

  frame.resize(kHeaders + 7);
  const Bytes reply{'a', ' ', 'r', 'e', 'p', 'l', 'y'};
  ASSERT_EQ(make_reply_frame(frame, our_filter(), reply), frame.size());
  EXPECT_EQ(base::to_hex(frame), kForeignReply);
}

TEST(Ipv6Frame, EveryFlippedBitIsNoticedButInWhatNobodyProtects) {
  const Bytes whole = make_ipv6_request_frame(counting_bytes(33));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes frame = whole;
    const std::size_t byte = bit / 8;
    frame[byte] ^= static_cast<std::uint8_t>(0x80u >> (bit % 8));
    const bool is_group_bit = byte == 6 && bit % 8 == 7;
    const bool is_source_mac = byte >= 6 && byte < 12 && !is_group_bit;
    // IPv6 has no checksum of its own: the traffic class, the flow label and the hop limit are what
    // the pseudo header leaves out.
    const bool is_class_or_label = (byte == 14 && bit % 8 >= 4) || (byte > 14 && byte < 18);
    EXPECT_EQ(parse(frame).verdict == FrameVerdict::kDatagram,
              is_source_mac || is_class_or_label || byte == 21)
        << "bit " << bit;
  }
}

DropCase address(std::string_view name, DropReason drop, std::size_t at, IpAddress ip,
                 FrameVerdict verdict = FrameVerdict::kDrop) {
  return {name, drop,
          [=](Bytes& frame) {
            put(frame, at, ip);
            fix_ipv6_checksum(frame, 6);
          },
          verdict};
}

DropCase next_header(std::string_view name, DropReason drop, std::uint8_t value,
                     FrameVerdict verdict) {
  return {name, drop, [=](Bytes& frame) { frame[20] = value; }, verdict};
}

TEST(Ipv6Frame, DropsForEveryReason) {
  using enum FrameVerdict;
  const IpAddress unspecified{};
  const IpAddress other{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  const IpAddress all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const IpAddress loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const std::vector<DropCase> cases{
      {"another MAC", DropReason::kFrameNotForUs, [](Bytes& frame) { frame[5] ^= 2; }},
      {"a group's MAC", DropReason::kFrameNotForUs, [](Bytes& frame) { frame[0] |= 1; }, kForeign},
      {"version 4", DropReason::kIpHeader, [](Bytes& frame) { frame[14] = 0x4a; }},
      {"payload beyond the frame", DropReason::kFrameTruncated,
       [](Bytes& frame) { put16(frame, 18, get16(frame, 18) + 1u); }},
      {"no payload", DropReason::kUdpLength, [](Bytes& frame) { put16(frame, 18, 0); }},
      {"no room for UDP", DropReason::kUdpLength, [](Bytes& frame) { put16(frame, 18, 7); }},
      {"shorter than UDP says", DropReason::kUdpLength, [](Bytes& frame) { put16(frame, 18, 20); }},
      address("another address", DropReason::kFrameNotForUs, 38, other, kForeign),
      address("our address, mapped", DropReason::kFrameNotForUs, 38, mapped(kOurIp), kForeign),
      address("a group", DropReason::kFrameNotForUs, 38, all_nodes, kForeign),
      address("from nobody", DropReason::kIpSource, 22, unspecified),
      address("from a group", DropReason::kIpSource, 22, all_nodes),
      address("from loopback", DropReason::kIpSource, 22, loopback),
      address("from mapped IPv4", DropReason::kIpSource, 22, mapped(kPeerIp)),
      address("from ourselves", DropReason::kIpSource, 22, kOurIp6),
      {"group source MAC", DropReason::kIpSource, [](Bytes& frame) { frame[6] |= 1; }},
      next_header("hop-by-hop options", DropReason::kIpExtension, 0, kForeign),
      next_header("routing", DropReason::kIpExtension, 43, kForeign),
      next_header("destination options", DropReason::kIpExtension, 60, kForeign),
      next_header("ESP", DropReason::kIpExtension, 50, kForeign),
      next_header("TCP", DropReason::kIpProtocol, 6, kForeign),
      next_header("a fragment of TCP", DropReason::kIpFragment, 44, kForeign),
      {"a fragment of UDP", DropReason::kIpFragment,
       [](Bytes& frame) { frame[20] = 44, frame[54] = 17; }},
      {"a fragment without a header", DropReason::kIpHeader,
       [](Bytes& frame) { frame[20] = 44, put16(frame, 18, 0), frame.resize(54); }},
      {"no UDP checksum", DropReason::kUdpChecksum, [](Bytes& frame) { put16(frame, 60, 0); }},
      {"UDP checksum", DropReason::kUdpChecksum, [](Bytes& frame) { frame[61] ^= 1; }},
      {"another UDP port", DropReason::kUdpPort, [](Bytes& frame) { put16(frame, 56, 5001); },
       kForeign},
      {"source port 0", DropReason::kUdpPort, [](Bytes& frame) { put16(frame, 54, 0); }},
  };
  expect_drops(make_ipv6_request_frame(counting_bytes(20)), cases);
}

TEST(Ipv6Frame, AnAbsentUdpChecksumIsWrongWhateverIsVerified) {
  FrameFilter filter = our_filter();
  filter.verify_udp_checksum = false;
  Bytes frame = make_ipv6_request_frame(counting_bytes(20));
  frame[61] ^= 1;
  EXPECT_EQ(parse(frame, filter).verdict, FrameVerdict::kDatagram);
  put16(frame, 60, 0);
  EXPECT_EQ(parse(frame, filter).drop, DropReason::kUdpChecksum);
}

TEST(Ipv6Frame, WhatTheDeviceHasCheckedIsNotCheckedAgain) {
  Bytes frame = make_ipv6_request_frame(counting_bytes(20));
  frame[61] ^= 1;
  EXPECT_EQ(parse_frame(frame, our_filter(), {.ip_checksum = true}).drop, DropReason::kUdpChecksum);
  EXPECT_EQ(parse_frame(frame, our_filter(), {.udp_checksum = true}).verdict,
            FrameVerdict::kDatagram);
  put16(frame, 60, 0);
  EXPECT_EQ(parse_frame(frame, our_filter(), {.udp_checksum = true}).drop,
            DropReason::kUdpChecksum);
}

TEST(Ipv6Frame, RepliesOfEverySizeCarryRightChecksums) {
  for (std::size_t size = 0; size <= kDatagramSizeMax; ++size) {
    Bytes frame = make_ipv6_request_frame(counting_bytes(3));
    frame.resize(kHeaders + size);
    const Bytes payload = counting_bytes(size);
    ASSERT_EQ(make_reply_frame(frame, our_filter(), payload), frame.size());
    ASSERT_EQ(reference_ipv6_checksum(frame), 0) << size;
    ASSERT_NE(get16(frame, 60), 0) << size;
    const ParsedFrame parsed = parse(frame, peer_filter());
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
    ASSERT_EQ(parsed.source(), kOurIp6);
    ASSERT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), payload);
  }
}

TEST(Ipv6Frame, ADatagramOfOurOwnMakingIsTaken) {
  const FrameAddresses to_us{.destination_mac = kOurMac,
                             .source_mac = kPeerMac,
                             .source_ip = kPeerIp6,
                             .destination_ip = kOurIp6,
                             .source_udp_port = kPeerUdpPort,
                             .destination_udp_port = kOurUdpPort};
  Bytes frame(kHeaders + 9, 0xaa);
  ASSERT_EQ(make_datagram_frame(frame, to_us, counting_bytes(9)), frame.size());
  const ParsedFrame parsed = parse(frame);
  ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
  EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), counting_bytes(9));
}

TEST(Ipv6Frame, TheMtuHoldsTwentyBytesLessThanOverIpv4) {
  const FrameFilter filter = our_filter();
  EXPECT_TRUE(fits_mtu(kFrameHeaderSize, 1472, filter));
  EXPECT_FALSE(fits_mtu(kFrameHeaderSize, 1473, filter));
  EXPECT_TRUE(fits_mtu(kFrameHeaderSize + kVlanTagSize, 1472, filter));
  EXPECT_FALSE(fits_mtu(kFrameHeaderSize + kVlanTagSize, 1473, filter));
  EXPECT_TRUE(fits_mtu(kHeaders, 1452, filter));
  EXPECT_FALSE(fits_mtu(kHeaders, 1453, filter));
  EXPECT_TRUE(fits_mtu(kFrameHeaderSizeMax, 1452, filter));
  EXPECT_FALSE(fits_mtu(kFrameHeaderSizeMax, 1453, filter));
}

}  // namespace
}  // namespace pssst::net
