// Frames with an IEEE 802.1Q tag, and replies that go to a gateway.
#include <gtest/gtest.h>

#include "net/frame.hpp"
#include "net/frame_bytes.hpp"
#include "net/frame_drop_case.hpp"

namespace pssst::net {
namespace {

using namespace test;

constexpr std::uint16_t kTag = 0xb005;  // priority 5, may be dropped, VLAN 5

FrameFilter vlan_filter() {
  FrameFilter filter = our_filter();
  filter.vlans.reset().set(5);
  return filter;
}

TEST(VlanFrame, OnlyTheVlansServedAreTaken) {
  const Bytes frame = make_request_frame(counting_bytes(9));
  EXPECT_EQ(parse(tagged(frame, kTag), vlan_filter()).verdict, FrameVerdict::kDatagram);
  EXPECT_EQ(parse(tagged(frame, 5), vlan_filter()).verdict, FrameVerdict::kDatagram);
  EXPECT_EQ(parse(frame, vlan_filter()).drop, DropReason::kVlan);
  EXPECT_EQ(parse(tagged(frame, 6), vlan_filter()).drop, DropReason::kVlan);
  EXPECT_EQ(parse(tagged(frame, 6), vlan_filter()).verdict, FrameVerdict::kForeign);
  EXPECT_EQ(parse(tagged(frame, 5)).drop, DropReason::kVlan);
  EXPECT_EQ(parse(tagged(frame, 0xa000)).verdict, FrameVerdict::kDatagram)
      << "a priority alone names no VLAN";

  FrameFilter both = vlan_filter();
  both.vlans.set(0);
  EXPECT_EQ(parse(frame, both).verdict, FrameVerdict::kDatagram);
  EXPECT_EQ(parse(tagged(frame, 5), both).verdict, FrameVerdict::kDatagram);
}

// What stands behind the tag is what the same request without one would be answered with.
TEST(VlanFrame, RepliesCarryTheTagOfTheirRequest) {
  const Bytes payload = counting_bytes(30);
  for (const Bytes& request :
       {make_request_frame(counting_bytes(9)), make_ipv6_request_frame(counting_bytes(9))}) {
    Bytes plain(200);
    std::copy(request.begin(), request.end(), plain.begin());
    plain.resize(make_reply_frame(plain, our_filter(), payload));
    Bytes reply(200);
    const Bytes tagged_request = tagged(request, kTag);
    std::copy(tagged_request.begin(), tagged_request.end(), reply.begin());
    reply.resize(make_reply_frame(reply, vlan_filter(), payload));
    EXPECT_EQ(reply, tagged(plain, kTag));
  }
}

TEST(VlanFrame, AnswersCarryTheTagOfTheirQuestion) {
  for (const Bytes& question :
       {make_arp_request(), make_solicitation(), make_ipv4_echo_frame(counting_bytes(40)),
        make_ipv6_echo_frame(counting_bytes(40))}) {
    const ParsedFrame parsed = parse(tagged(question, kTag), vlan_filter());
    ASSERT_EQ(parsed.verdict, FrameVerdict::kQuestion) << to_string(parsed.drop);
    Bytes plain(200);
    std::copy(question.begin(), question.end(), plain.begin());
    plain.resize(make_answer(plain, question.size(), parsed.question, our_filter()));
    Bytes answer(200);
    const Bytes tagged_question = tagged(question, kTag);
    std::copy(tagged_question.begin(), tagged_question.end(), answer.begin());
    answer.resize(make_answer(answer, tagged_question.size(), parsed.question, vlan_filter()));
    EXPECT_EQ(answer, tagged(plain, kTag));
  }
}

TEST(VlanFrame, ATagWithNothingBehindItIsTruncated) {
  const Bytes frame = tagged(make_request_frame({}), 5);
  for (std::size_t size = 14; size < frame.size(); ++size) {
    const Bytes part(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse(part, vlan_filter()).drop, DropReason::kFrameTruncated) << size;
  }
}

TEST(GatewayFrame, RepliesAndEchoesGoToTheGatewayAndNeighboursToThemselves) {
  constexpr MacAddress kGateway{2, 0, 0, 0, 0, 0xfe};
  FrameFilter filter = our_filter();
  filter.gateway_mac = kGateway;
  const auto destination = [](const Bytes& frame) {
    MacAddress mac{};
    std::copy_n(frame.begin(), mac.size(), mac.begin());
    return mac;
  };
  for (Bytes frame :
       {make_request_frame(counting_bytes(9)), make_ipv6_request_frame(counting_bytes(9))}) {
    frame.resize(200);
    make_reply_frame(frame, filter, counting_bytes(9));
    EXPECT_EQ(destination(frame), kGateway);
  }
  for (const Bytes& question :
       {make_arp_request(), make_solicitation(), make_ipv4_echo_frame(counting_bytes(40)),
        make_ipv6_echo_frame(counting_bytes(40))}) {
    const ParsedFrame parsed = parse(question, filter);
    const bool is_echo =
        parsed.question == FrameQuestion::kEchoIpv4 || parsed.question == FrameQuestion::kEchoIpv6;
    Bytes answer = question;
    answer.resize(200);
    static_cast<void>(make_answer(answer, question.size(), parsed.question, filter));
    EXPECT_EQ(destination(answer), is_echo ? kGateway : kPeerMac);
  }
}

}  // namespace
}  // namespace pssst::net
