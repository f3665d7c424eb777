#include "net/frame_announcement.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net {
namespace {

using namespace test;

// Built and checksummed by another implementation (scapy).
constexpr std::string_view kForeignArp =
    "ffffffffffff02000000000108060001080006040001020000000001c0000201000000000000c0000201";
constexpr std::string_view kForeignTaggedArp =
    "ffffffffffff0200000000018100000508060001080006040001020000000001c0000201000000000000c0000201";
constexpr std::string_view kForeignAdvertisement =
    "33330000000102000000000186dd6000000000203aff20010db8000000000000000000000001ff0200000000000000"
    "00"
    "0000000000018800f92a2000000020010db80000000000000000000000010201020000000001";
constexpr std::string_view kForeignReport =
    "33330000001602000000000186dd600000000024000100000000000000000000000000000000ff0200000000"
    "000000000000000000163a000502000001008f006f890000000104000000ff0200000000000000000001ff00"
    "0001";
constexpr std::string_view kForeignReportOfLinkLocal =
    "33330000001602000000000186dd6000000000240001fe800000000000000000000000000009ff0200000000"
    "000000000000000000163a000502000001008f0072ff0000000102000000ff0200000000000000000001ff00"
    "0001";
constexpr std::string_view kForeignArpRequest =
    "ffffffffffff02000000009908060001080006040001020000000099c0000263000000000000c0000201";
constexpr std::string_view kForeignArpReply =
    "02000000009902000000000108060001080006040002020000000001c0000201020000000099c0000263";
constexpr std::string_view kForeignReply =
    "020000000099020000000001080045000023000040004011b665c0000201c000026313889c40000f0eb0"
    "61207265706c79";

Bytes announcement(const IpAddress& address, std::uint16_t vlan) {
  Bytes frame(kAnnouncementRoom, 0xaa);
  frame.resize(make_announcement(frame, kOurMac, address, vlan));
  return frame;
}

TEST(Announcement, IsWhatForeignOnesLookLike) {
  Bytes wanted = *base::from_hex(kForeignArp);
  wanted.resize(60);
  EXPECT_EQ(announcement(mapped(kOurIp), 0), wanted);
  wanted = *base::from_hex(kForeignTaggedArp);
  wanted.resize(64);
  EXPECT_EQ(announcement(mapped(kOurIp), 5), wanted);
  EXPECT_EQ(base::to_hex(announcement(kOurIp6, 0)), kForeignAdvertisement);
  EXPECT_EQ(announcement(kOurIp6, 5), tagged(*base::from_hex(kForeignAdvertisement), 5));
}

TEST(Announcement, AsksNothingOfOthersNorOfUs) {
  for (const IpAddress& address : {mapped(kOurIp), kOurIp6}) {
    const Bytes frame = announcement(address, 0);
    EXPECT_EQ(parse_frame(frame, peer_filter()).verdict, FrameVerdict::kForeign);
    EXPECT_EQ(parse_frame(frame, our_filter()).verdict, FrameVerdict::kForeign);
  }
}

TEST(Announcement, RoomThatIsTooSmallAborts) {
  Bytes frame(kAnnouncementRoom - 1);
  EXPECT_DEATH(static_cast<void>(make_announcement(frame, kOurMac, kOurIp6, 0)), "frame.size");
}

Bytes group_report(const std::optional<IpAddress>& link_local, std::uint16_t vlan,
                   GroupReport report) {
  Bytes frame(kAnnouncementRoom, 0xaa);
  frame.resize(make_group_report(frame, kOurMac, kOurIp6, link_local, vlan, report));
  return frame;
}

TEST(GroupReports, AreWhatForeignOnesLookLike) {
  EXPECT_EQ(base::to_hex(group_report(std::nullopt, 0, GroupReport::kJoined)), kForeignReport);
  const IpAddress link_local{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  const Bytes of_link_local = *base::from_hex(kForeignReportOfLinkLocal);
  EXPECT_EQ(group_report(link_local, 0, GroupReport::kListening), of_link_local);
  EXPECT_EQ(group_report(link_local, 5, GroupReport::kListening), tagged(of_link_local, 5));
  // Others' are no questions.
  EXPECT_EQ(parse_frame(of_link_local, our_filter()).verdict, FrameVerdict::kForeign);
}

TEST(GroupReports, AreOfIpv6Alone) {
  Bytes frame(kAnnouncementRoom);
  EXPECT_DEATH(static_cast<void>(make_group_report(frame, kOurMac, mapped(kOurIp), std::nullopt, 0,
                                                   GroupReport::kJoined)),
               "is_mapped");
}

TEST(ArpClient, AsksAsOthersDo) {
  Bytes wanted = *base::from_hex(kForeignArpRequest);
  wanted.resize(kFrameSizeMin);
  Bytes frame(kFrameSizeMin, 0xaa);
  EXPECT_EQ(make_arp_request(frame, kPeerMac, kPeerIp, kOurIp), kFrameSizeMin);
  EXPECT_EQ(frame, wanted);
  const ParsedFrame parsed = parse_frame(frame, our_filter());
  ASSERT_EQ(parsed.verdict, FrameVerdict::kQuestion);
  frame.resize(kAnswerRoom);
  frame.resize(make_answer(frame, kFrameSizeMin, parsed.question, our_filter()));
  EXPECT_EQ(read_arp_reply(frame, kPeerMac, kOurIp), kOurMac);
}

TEST(ArpClient, TakesNoReplyButTheOneWanted) {
  const Bytes reply = *base::from_hex(kForeignArpReply);
  EXPECT_EQ(read_arp_reply(reply, kPeerMac, kOurIp), kOurMac);
  EXPECT_FALSE(read_arp_reply(reply, kPeerMac, kPeerIp)) << "from somebody else";
  EXPECT_FALSE(read_arp_reply(reply, kOurMac, kOurIp)) << "to somebody else";
  EXPECT_FALSE(read_arp_reply(*base::from_hex(kForeignArpRequest), kPeerMac, kPeerIp))
      << "a request";
  EXPECT_FALSE(read_arp_reply(*base::from_hex(kForeignReply), kPeerMac, kOurIp)) << "no ARP";
  for (std::size_t size = 0; size < reply.size(); ++size) {
    const Bytes cut(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(read_arp_reply(cut, kPeerMac, kOurIp)) << size;
  }
  Bytes group = reply;
  group[kEthernetHeaderSize + 8] |= 1;
  EXPECT_FALSE(read_arp_reply(group, kPeerMac, kOurIp)) << "a group's MAC";
}

}  // namespace
}  // namespace pssst::net
