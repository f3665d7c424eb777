#include "net/frame.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/hex.hpp"
#include "net/frame_bytes.hpp"
#include "net/frame_drop_case.hpp"

namespace pssst::net {
namespace {

using namespace test;

// Built and checksummed by another implementation (scapy).
constexpr std::string_view kForeignRequest =
    "020000000001020000000099080045030021123440003d11a730c0000263c00002019c401388000d87d4"
    "68656c6c6f";
constexpr std::string_view kForeignReply =
    "020000000099020000000001080045000023000040004011b665c0000201c000026313889c40000f0eb0"
    "61207265706c79";
Bytes text(std::string_view characters) {
  return {characters.begin(), characters.end()};
}

DropReason drop_of(const Bytes& frame, const FrameFilter& filter = our_filter()) {
  const ParsedFrame parsed = parse(frame, filter);
  const bool is_taken =
      parsed.verdict == FrameVerdict::kDatagram || parsed.verdict == FrameVerdict::kQuestion;
  EXPECT_EQ(parsed.drop == DropReason::kNone, is_taken);
  EXPECT_TRUE(parsed.payload.empty() || parsed.verdict == FrameVerdict::kDatagram);
  return parsed.drop;
}

TEST(Frame, TakesAForeignDatagramAndAnswersWithTheForeignReply) {
  const Bytes request = *base::from_hex(kForeignRequest);
  const ParsedFrame parsed = parse(request);
  ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram);
  EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), text("hello"));
  EXPECT_EQ(parsed.udp_port, kOurUdpPort);
  EXPECT_EQ(parsed.source(), mapped(kPeerIp));
  EXPECT_EQ(parsed.destination(), mapped(kOurIp));

  Bytes frame = request;
  frame.resize(kFrameHeaderSize + 7);
  ASSERT_EQ(make_reply_frame(frame, our_filter(), text("a reply")), frame.size());
  EXPECT_EQ(base::to_hex(frame), kForeignReply);
}

TEST(Frame, CutsEthernetPaddingOff) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 4}) {
    Bytes frame = make_request_frame(counting_bytes(size));
    frame.resize(60, 0xee);
    const ParsedFrame parsed = parse(frame);
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram);
    EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), counting_bytes(size));
  }
}

TEST(Frame, RefusesEveryTruncationOfValidFrames) {
  for (const Bytes& whole : {make_request_frame(counting_bytes(70)), make_arp_request(),
                             tagged(make_request_frame(counting_bytes(70)), 0),
                             make_ipv6_request_frame(counting_bytes(70)), make_solicitation(),
                             make_ipv4_echo_frame(counting_bytes(9))}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(drop_of(part), DropReason::kFrameTruncated) << size << " bytes";
    }
  }
}

TEST(Frame, EveryFlippedBitIsNoticedButInWhatNobodyProtects) {
  const Bytes whole = make_request_frame(counting_bytes(33));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes frame = whole;
    frame[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const bool is_source_mac = bit / 8 >= 6 && bit / 8 < 12;
    const bool is_group_bit = bit == std::size_t{6} * 8;
    EXPECT_EQ(drop_of(frame) == DropReason::kNone, is_source_mac && !is_group_bit) << "bit " << bit;
  }
}

void set_ip(Bytes& frame, std::size_t offset, Ipv4Address ip) {
  std::copy(ip.begin(), ip.end(), frame.begin() + static_cast<std::ptrdiff_t>(offset));
  fix_ip_checksum(frame);
  fix_udp_checksum(frame);
}

DropCase source(std::string_view name, Ipv4Address ip) {
  return {name, DropReason::kIpSource, [ip](Bytes& frame) { set_ip(frame, 26, ip); }};
}

DropCase destination(std::string_view name, Ipv4Address ip) {
  return {name, DropReason::kFrameNotForUs, [ip](Bytes& frame) { set_ip(frame, 30, ip); },
          FrameVerdict::kForeign};
}

DropCase destination_mac(std::string_view name, MacAddress mac) {
  return {name, DropReason::kFrameNotForUs,
          [mac](Bytes& frame) { std::copy(mac.begin(), mac.end(), frame.begin()); },
          (mac[0] & 1) != 0 ? FrameVerdict::kForeign : FrameVerdict::kDrop};
}

// One byte of the IP header changed, its checksum right again.
DropCase ip_byte(std::string_view name, DropReason drop, std::size_t offset, std::uint8_t value) {
  return {name, drop, [=](Bytes& frame) {
            frame[offset] = value;
            fix_ip_checksum(frame);
          }};
}

// 16 bits of the UDP header changed, its checksum right again.
DropCase udp_field(std::string_view name, DropReason drop, std::size_t offset, std::size_t value) {
  return {name, drop, [=](Bytes& frame) {
            put16(frame, offset, value);
            fix_udp_checksum(frame);
          }};
}

DropCase ip_total_length(std::string_view name, DropReason drop, std::size_t length) {
  return {name, drop, [=](Bytes& frame) {
            put16(frame, 16, length);
            fix_ip_checksum(frame);
          }};
}

TEST(Frame, DropsForEveryReason) {
  using enum FrameVerdict;
  const std::vector<DropCase> cases{
      {"nothing", DropReason::kFrameTruncated, [](Bytes& frame) { frame.clear(); }},
      ip_total_length("beyond the frame", DropReason::kFrameTruncated, 49),
      destination_mac("another MAC", {2, 0, 0, 0, 0, 2}),
      destination_mac("broadcast MAC", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
      destination_mac("multicast MAC", {0x01, 0x00, 0x5e, 0, 2, 1}),
      destination("another address", {192, 0, 2, 2}),
      destination("limited broadcast", {255, 255, 255, 255}),
      destination("multicast", {224, 0, 0, 1}),
      {"IPv6 in name only", DropReason::kFrameTruncated,
       [](Bytes& frame) { put16(frame, 12, 0x86dd), frame.resize(53); }},
      {"VLAN 5", DropReason::kVlan, [](Bytes& frame) { frame = tagged(frame, 5); }, kForeign},
      {"two tags", DropReason::kVlanNested,
       [](Bytes& frame) { frame = tagged(tagged(frame, 0), 0); }},
      {"a provider's tag", DropReason::kVlanNested, [](Bytes& frame) { put16(frame, 12, 0x88a8); }},
      {"802.3 length", DropReason::kFrameEtherType, [](Bytes& frame) { put16(frame, 12, 46); },
       kForeign},
      ip_byte("version 6", DropReason::kIpHeader, 14, 0x65),
      ip_byte("header of 16 bytes", DropReason::kIpHeader, 14, 0x44),
      ip_total_length("below the header", DropReason::kIpHeader, 19),
      ip_byte("options", DropReason::kIpOptions, 14, 0x46),
      ip_byte("all options", DropReason::kIpOptions, 14, 0x4f),
      ip_byte("more fragments", DropReason::kIpFragment, 20, 0x20),
      ip_byte("last fragment", DropReason::kIpFragment, 21, 0x01),
      ip_byte("fragment far behind", DropReason::kIpFragment, 20, 0x1f),
      {"IP checksum", DropReason::kIpChecksum, [](Bytes& frame) { frame[24] ^= 0x10; }},
      source("unspecified", {0, 0, 0, 0}),
      source("multicast", {224, 0, 0, 9}),
      source("multicast's end", {239, 255, 255, 255}),
      source("limited broadcast", {255, 255, 255, 255}),
      source("loopback", {127, 0, 0, 1}),
      source("loopback's end", {127, 255, 255, 254}),
      source("our own", kOurIp),
      {"group source MAC", DropReason::kIpSource, [](Bytes& frame) { frame[6] |= 1; }},
      {"TCP", DropReason::kIpProtocol, [](Bytes& frame) { frame[23] = 6, fix_ip_checksum(frame); },
       kForeign},
      ip_byte("ICMP in name only", DropReason::kIcmpMalformed, 23, 1),
      udp_field("short UDP length", DropReason::kUdpLength, 38, 27),
      udp_field("long UDP length", DropReason::kUdpLength, 38, 29),
      udp_field("UDP length below its header", DropReason::kUdpLength, 38, 7),
      udp_field("no UDP length", DropReason::kUdpLength, 38, 0),
      ip_total_length("no room for UDP", DropReason::kUdpLength, 27),
      {"UDP checksum", DropReason::kUdpChecksum, [](Bytes& frame) { frame[41] ^= 0x01; }},
      {"payload", DropReason::kUdpChecksum, [](Bytes& frame) { frame.back() ^= 0x80; }},
      {"another UDP port", DropReason::kUdpPort,
       [](Bytes& frame) { put16(frame, 36, kOurUdpPort + 1), fix_udp_checksum(frame); }, kForeign},
      {"UDP port 0", DropReason::kUdpPort,
       [](Bytes& frame) { put16(frame, 36, 0), fix_udp_checksum(frame); }, kForeign},
      udp_field("source port 0", DropReason::kUdpPort, 34, 0),
  };
  expect_drops(make_request_frame(counting_bytes(20)), cases);
}

TEST(Frame, TakesTheLargestDatagramAndNoLarger) {
  const ParsedFrame parsed = parse(make_request_frame(counting_bytes(kDatagramSizeMax)));
  EXPECT_EQ(parsed.payload.size(), kDatagramSizeMax);
  EXPECT_EQ(drop_of(make_request_frame(counting_bytes(kDatagramSizeMax + 1))),
            DropReason::kFrameOversized);
}

TEST(Frame, UdpChecksumZeroMeansNone) {
  Bytes frame = make_request_frame(counting_bytes(20));
  put16(frame, 40, 0);
  EXPECT_EQ(parse(frame).verdict, FrameVerdict::kDatagram);
}

TEST(Frame, UdpChecksumIsNotLookedAtWhenToldSo) {
  FrameFilter filter = our_filter();
  filter.verify_udp_checksum = false;
  Bytes frame = make_request_frame(counting_bytes(20));
  frame[41] ^= 0x01;
  EXPECT_EQ(parse(frame, filter).verdict, FrameVerdict::kDatagram);
  frame[24] ^= 0x10;
  EXPECT_EQ(drop_of(frame, filter), DropReason::kIpChecksum);
}

TEST(Frame, RepliesOfEverySizeCarryRightChecksums) {
  const FrameFilter peer = peer_filter();
  for (std::size_t size = 0; size <= kDatagramSizeMax; ++size) {
    Bytes frame = make_request_frame(counting_bytes(3));
    frame.resize(kFrameHeaderSize + size);
    const Bytes payload = counting_bytes(size);
    ASSERT_EQ(make_reply_frame(frame, our_filter(), payload), frame.size());
    ASSERT_EQ(reference_ip_checksum(frame), 0) << size;
    ASSERT_EQ(reference_udp_checksum(frame), 0) << size;
    const ParsedFrame parsed = parse(frame, peer);
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
    ASSERT_EQ(parsed.source(), mapped(kOurIp));
    ASSERT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), payload);
  }
}

TEST(Frame, AComputedUdpChecksumOfZeroIsSentAsAllOnes) {
  Bytes frame = make_request_frame({});
  frame.resize(kFrameHeaderSize + 2);
  make_reply_frame(frame, our_filter(), Bytes{0, 0});
  // This payload adds to the sum just what is missing from 0xffff.
  const Bytes payload(frame.begin() + 40, frame.begin() + 42);
  frame = make_request_frame({});
  frame.resize(kFrameHeaderSize + 2);
  make_reply_frame(frame, our_filter(), payload);
  EXPECT_EQ(get16(frame, 40), 0xffff);
  EXPECT_EQ(reference_udp_checksum(frame), 0);
}

TEST(Frame, RoomThatIsTooSmallForTheReplyAborts) {
  Bytes frame = make_request_frame(counting_bytes(3));
  EXPECT_DEATH(make_reply_frame(frame, our_filter(), counting_bytes(4)), "payload.size");
}

constexpr FrameAddresses kToUs{.destination_mac = kOurMac,
                               .source_mac = kPeerMac,
                               .source_ip = mapped(kPeerIp),
                               .destination_ip = mapped(kOurIp),
                               .source_udp_port = kPeerUdpPort,
                               .destination_udp_port = kOurUdpPort};

TEST(ClientFrame, IsWhatAForeignReplyLooksLike) {
  const FrameAddresses to_peer{.destination_mac = kPeerMac,
                               .source_mac = kOurMac,
                               .source_ip = mapped(kOurIp),
                               .destination_ip = mapped(kPeerIp),
                               .source_udp_port = kOurUdpPort,
                               .destination_udp_port = kPeerUdpPort};
  const Bytes wanted = *base::from_hex(kForeignReply);
  Bytes frame(wanted.size(), 0xaa);
  EXPECT_EQ(make_datagram_frame(frame, to_peer, text("a reply")), wanted.size());
  EXPECT_EQ(frame, wanted);
}

TEST(ClientFrame, OfEverySizeIsTaken) {
  for (const std::size_t size : {0u, 1u, 2u, 3u, 52u, 116u, 1471u, 1472u}) {
    Bytes frame(kFrameHeaderSize + size, 0xaa);
    ASSERT_EQ(make_datagram_frame(frame, kToUs, counting_bytes(size)), frame.size());
    EXPECT_EQ(get16(frame, 24), [&] {
      Bytes copy = frame;
      fix_ip_checksum(copy);
      return get16(copy, 24);
    }());
    const ParsedFrame parsed = parse(frame);
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
    EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), counting_bytes(size));
    EXPECT_EQ(parsed.source(), mapped(kPeerIp));
  }
}

}  // namespace
}  // namespace pssst::net
