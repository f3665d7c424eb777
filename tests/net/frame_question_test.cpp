// What is answered on L2 and L3: ARP, neighbour discovery, echo.
#include "net/frame_question.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "net/frame.hpp"
#include "net/frame_bytes.hpp"
#include "net/frame_drop_case.hpp"

namespace pssst::net {
namespace {

using namespace test;
using enum FrameVerdict;

// Built and checksummed by another implementation (scapy).
struct ForeignPair {
  std::string_view name;
  std::string_view question;
  std::string_view answer;
};
constexpr std::array kForeignPairs{
    ForeignPair{
        "ARP",
        "ffffffffffff02000000009908060001080006040001020000000099c0000263000000000000c0000201",
        "02000000009902000000000108060001080006040002020000000001c0000201020000000099c0000263"},
    ForeignPair{
        "neighbour",
        "3333ff00000102000000009986dd6000000000203aff20010db8000000000000000000000063ff0200000000"
        "000000000001ff00000187001b2f0000000020010db80000000000000000000000010101020000000099",
        "02000000009902000000000186dd6000000000203aff20010db800000000000000000000000120010db80000"
        "0000000000000000006388008a126000000020010db80000000000000000000000010201020000000001"},
    ForeignPair{
        "probe for duplicates",
        "3333ff00000102000000009986dd6000000000183aff00000000000000000000000000000000ff0200000000"
        "000000000001ff00000187004ced0000000020010db8000000000000000000000001",
        "33330000000102000000000186dd6000000000203aff20010db8000000000000000000000001ff0200000000"
        "0000000000000000000188"
        "00f92a2000000020010db80000000000000000000000010201020000000001"},
    ForeignPair{
        "echo over IPv4",
        "020000000001020000000099080045100025000700003d01f95cc0000263c000020108002421123400017069"
        "6e672064617461",
        "020000000099020000000001080045000025000040004001b673c0000201c000026300002c21123400017069"
        "6e672064617461"},
    ForeignPair{
        "echo over IPv6",
        "02000000000102000000009986dd6000000000113a3d20010db800000000000000000000006320010db80000"
        "0000000000000000000180004fff1234000170696e672064617461",
        "02000000009902000000000186dd6000000000113a4020010db800000000000000000000000120010db80000"
        "0000000000000000006381004eff1234000170696e672064617461"},
};

// Over whatever the buffer held before.
Bytes answer_to(const Bytes& question, const FrameFilter& filter = our_filter()) {
  const ParsedFrame parsed = parse(question, filter);
  EXPECT_EQ(parsed.verdict, kQuestion) << to_string(parsed.drop);
  Bytes frame = question;
  frame.resize(question.size() + kAnswerRoom, 0xaa);
  frame.resize(make_answer(frame, question.size(), parsed.question, filter));
  return frame;
}

TEST(Question, ForeignOnesGetTheForeignAnswers) {
  for (const ForeignPair& pair : kForeignPairs) {
    EXPECT_EQ(base::to_hex(answer_to(*base::from_hex(pair.question))), pair.answer) << pair.name;
  }
}

TEST(Question, EveryTruncationIsRefused) {
  for (const ForeignPair& pair : kForeignPairs) {
    const Bytes whole = *base::from_hex(pair.question);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(parse(part).drop, DropReason::kFrameTruncated) << pair.name << ' ' << size;
    }
  }
}

TEST(Question, AnswersAskNothing) {
  for (const ForeignPair& pair : kForeignPairs) {
    const Bytes answer = *base::from_hex(pair.answer);
    const FrameVerdict verdict = parse(answer, peer_filter()).verdict;
    EXPECT_EQ(verdict, kForeign) << pair.name;
  }
}

TEST(Arp, PaddedUnicastAndProbingRequestsAreAnswered) {
  Bytes padded = make_arp_request();
  padded.resize(60, 0xee);
  EXPECT_EQ(base::to_hex(answer_to(padded)),
            std::string(kForeignPairs[0].answer) + base::to_hex(Bytes(18, 0xee)));

  Bytes unicast = make_arp_request();
  std::copy(kOurMac.begin(), kOurMac.end(), unicast.begin());
  EXPECT_EQ(base::to_hex(answer_to(unicast)), kForeignPairs[0].answer);

  Bytes probe = make_arp_request();
  std::fill_n(probe.begin() + 28, 4, std::uint8_t{0});
  EXPECT_EQ(parse(probe).verdict, kQuestion);
}

TEST(Arp, TheAddressAskedForIsTheOneThatAnswers) {
  constexpr Ipv4Address kSecond{192, 0, 2, 7};
  const FrameFilter filter = make_filter(kOurMac, {mapped(kOurIp), mapped(kSecond)}, kOurUdpPort);
  Bytes request = make_arp_request();
  std::copy(kSecond.begin(), kSecond.end(), request.begin() + 38);
  const Bytes answer = answer_to(request, filter);
  EXPECT_EQ(Bytes(answer.begin() + 28, answer.begin() + 32), Bytes(kSecond.begin(), kSecond.end()));
}

TEST(Arp, DropsForEveryReason) {
  expect_drops(
      make_arp_request(),
      {
          {"another MAC", DropReason::kFrameNotForUs, [](Bytes& frame) { frame[0] = 2; }},
          {"a group's MAC", DropReason::kFrameNotForUs, [](Bytes& frame) { frame[0] = 3; },
           kForeign},
          {"hardware type", DropReason::kArpMalformed, [](Bytes& frame) { frame[15] = 6; }},
          {"protocol type", DropReason::kArpMalformed, [](Bytes& frame) { frame[17] = 1; }},
          {"hardware size", DropReason::kArpMalformed, [](Bytes& frame) { frame[18] = 8; }},
          {"protocol size", DropReason::kArpMalformed, [](Bytes& frame) { frame[19] = 16; }},
          {"group sender", DropReason::kArpMalformed, [](Bytes& frame) { frame[22] = 0xff; }},
          {"a reply", DropReason::kArpIgnored, [](Bytes& frame) { frame[21] = 2; }, kForeign},
          {"no operation", DropReason::kArpIgnored, [](Bytes& frame) { frame[21] = 0; }, kForeign},
          {"for another", DropReason::kArpIgnored, [](Bytes& frame) { frame[41] = 2; }, kForeign},
          {"announcement of our address", DropReason::kArpIgnored,
           [](Bytes& frame) { std::copy(kOurIp.begin(), kOurIp.end(), frame.begin() + 28); },
           kForeign},
      });
}

Bytes solicitation() {
  return make_solicitation(Bytes{1, 1, 2, 0, 0, 0, 0, 0x99});
}

// Changes one byte of a solicitation and makes its checksum right again.
DropCase solicited(std::string_view name, DropReason drop, std::size_t at, std::uint8_t value,
                   FrameVerdict verdict = kDrop) {
  return {name, drop,
          [=](Bytes& frame) {
            frame[at] = value;
            fix_ipv6_checksum(frame, 2);
          },
          verdict};
}

void make_probe(Bytes& frame) {
  std::fill_n(frame.begin() + 22, 16, std::uint8_t{0});
  fix_ipv6_checksum(frame, 2);
}

void make_unicast(Bytes& frame) {
  std::copy(kOurMac.begin(), kOurMac.end(), frame.begin());
  std::copy(kOurIp6.begin(), kOurIp6.end(), frame.begin() + 38);
  fix_ipv6_checksum(frame, 2);
}

TEST(Neighbour, UnicastSolicitationsAreAnswered) {
  Bytes unicast = solicitation();
  make_unicast(unicast);
  EXPECT_EQ(base::to_hex(answer_to(unicast)), kForeignPairs[1].answer);
  // Without an option, as a neighbour that checks whether we are still there asks.
  unicast = make_solicitation();
  make_unicast(unicast);
  EXPECT_EQ(base::to_hex(answer_to(unicast)), kForeignPairs[1].answer);
}

TEST(Neighbour, DropsForEveryReason) {
  expect_drops(
      solicitation(),
      {
          {"a group without us", DropReason::kFrameNotForUs,
           [](Bytes& frame) { frame[5] = frame[53] = 2, fix_ipv6_checksum(frame, 2); }, kForeign},
          {"another group's MAC", DropReason::kFrameNotForUs, [](Bytes& frame) { frame[5] = 2; },
           kForeign},
          {"checksum", DropReason::kIcmpMalformed, [](Bytes& frame) { frame[57] ^= 1; }},
          {"hop limit 254", DropReason::kNdpMalformed, [](Bytes& frame) { frame[21] = 254; }},
          solicited("code", DropReason::kNdpMalformed, 55, 1),
          solicited("target is a group", DropReason::kNdpMalformed, 62, 0xff),
          solicited("an option of no size", DropReason::kNdpMalformed, 79, 0),
          solicited("an option beyond the end", DropReason::kNdpMalformed, 79, 2),
          {"half an option", DropReason::kNdpMalformed,
           [](Bytes& frame) { put16(frame, 18, 28), fix_ipv6_checksum(frame, 2); }},
          {"no room for the target", DropReason::kNdpMalformed,
           [](Bytes& frame) { put16(frame, 18, 23), fix_ipv6_checksum(frame, 2); }},
          {"a probe that tells its MAC", DropReason::kNdpMalformed, make_probe},
          {"a unicast probe", DropReason::kNdpMalformed,
           [](Bytes& frame) {
             frame = make_solicitation();
             make_unicast(frame);
             make_probe(frame);
           }},
          {"from ourselves", DropReason::kIpSource,
           [](Bytes& frame) {
             std::copy(kOurIp6.begin(), kOurIp6.end(), frame.begin() + 22);
             fix_ipv6_checksum(frame, 2);
           }},
          {"from a group's MAC", DropReason::kIpSource, [](Bytes& frame) { frame[6] |= 1; }},
          solicited("another of the same group", DropReason::kNdpIgnored, 65, 0xb9, kForeign),
          solicited("a router's", DropReason::kNdpIgnored, 54, 134, kForeign),
      });
}

TEST(Echo, RepliesHaveTheSizeAndDataOfTheirRequests) {
  for (std::size_t size = 0; size <= 1472; size += 1 + size / 5) {
    const Bytes reply = answer_to(make_ipv4_echo_frame(counting_bytes(size)));
    ASSERT_EQ(reference_ip_checksum(reply), 0) << size;
    ASSERT_EQ(reference_checksum(std::span(reply).subspan(34)), 0) << size;
    ASSERT_EQ(Bytes(reply.begin() + 42, reply.end()), counting_bytes(size));
  }
  for (std::size_t size = 0; size <= 1452; size += 1 + size / 5) {
    const Bytes reply = answer_to(make_ipv6_echo_frame(counting_bytes(size)));
    ASSERT_EQ(reference_ipv6_checksum(reply), 0) << size;
    ASSERT_EQ(Bytes(reply.begin() + 62, reply.end()), counting_bytes(size));
  }
}

TEST(Echo, PaddingGoesBackAndNoMore) {
  Bytes frame = make_ipv4_echo_frame({});
  frame.resize(60);
  EXPECT_EQ(answer_to(frame).size(), 60u);
  frame.resize(900);
  EXPECT_EQ(answer_to(frame).size(), 60u);
  frame = make_ipv4_echo_frame(counting_bytes(100));
  frame.resize(900);
  EXPECT_EQ(answer_to(frame).size(), 142u);
}

TEST(Echo, AReplyThatWouldNotFitIsADrop) {
  FrameFilter filter = our_filter();
  filter.mtu = 600;
  EXPECT_EQ(parse(make_ipv4_echo_frame(counting_bytes(572)), filter).verdict, kQuestion);
  EXPECT_EQ(parse(make_ipv4_echo_frame(counting_bytes(573)), filter).drop,
            DropReason::kFrameOversized);
  EXPECT_EQ(parse(make_ipv6_echo_frame(counting_bytes(552)), filter).verdict, kQuestion);
  EXPECT_EQ(parse(make_ipv6_echo_frame(counting_bytes(553)), filter).drop,
            DropReason::kFrameOversized);
}

TEST(Echo, DropsOverIpv4ForEveryReason) {
  expect_drops(
      make_ipv4_echo_frame(counting_bytes(20)),
      {
          {"checksum", DropReason::kIcmpMalformed, [](Bytes& frame) { frame[37] ^= 1; }},
          {"data", DropReason::kIcmpMalformed, [](Bytes& frame) { frame.back() ^= 1; }},
          {"no room for its header", DropReason::kIcmpMalformed,
           [](Bytes& frame) { put16(frame, 16, 27), fix_ip_checksum(frame); }},
          {"an echo reply", DropReason::kIcmpIgnored,
           [](Bytes& frame) { frame[34] = 0, put16(frame, 36, get16(frame, 36) + 0x800u); },
           kForeign},
          {"a code", DropReason::kIcmpIgnored,
           [](Bytes& frame) { frame[35] = 1, put16(frame, 36, get16(frame, 36) - 1u); }, kForeign},
          {"a fragment", DropReason::kIpFragment,
           [](Bytes& frame) { frame[20] = 0x20, fix_ip_checksum(frame); }, kForeign},
          {"options", DropReason::kIpOptions,
           [](Bytes& frame) { frame[14] = 0x46, fix_ip_checksum(frame); }, kForeign},
          {"another address", DropReason::kFrameNotForUs,
           [](Bytes& frame) { frame[33] = 9, fix_ip_checksum(frame); }, kForeign},
          {"a broadcast frame", DropReason::kFrameNotForUs,
           [](Bytes& frame) { std::fill_n(frame.begin(), 6, std::uint8_t{0xff}); }, kForeign},
      });
}

TEST(Echo, DropsOverIpv6ForEveryReason) {
  expect_drops(make_ipv6_echo_frame(counting_bytes(20)),
               {
                   {"checksum", DropReason::kIcmpMalformed, [](Bytes& frame) { frame[57] ^= 1; }},
                   {"data", DropReason::kIcmpMalformed, [](Bytes& frame) { frame.back() ^= 1; }},
                   {"no room for its header", DropReason::kIcmpMalformed,
                    [](Bytes& frame) { put16(frame, 18, 7), fix_ipv6_checksum(frame, 2); }},
                   {"an echo reply", DropReason::kIcmpIgnored,
                    [](Bytes& frame) { frame[54] = 129, fix_ipv6_checksum(frame, 2); }, kForeign},
                   {"a code", DropReason::kIcmpIgnored,
                    [](Bytes& frame) { frame[55] = 1, fix_ipv6_checksum(frame, 2); }, kForeign},
                   {"to our group", DropReason::kIcmpIgnored,
                    [](Bytes& frame) {
                      const Bytes solicitation = make_solicitation();
                      std::copy_n(solicitation.begin(), 6, frame.begin());
                      std::copy_n(solicitation.begin() + 38, 16, frame.begin() + 38);
                      fix_ipv6_checksum(frame, 2);
                    },
                    kForeign},
                   {"from nobody", DropReason::kIpSource, make_probe},
               });
}

TEST(Question, RoomThatIsTooSmallForAnAnswerAborts) {
  Bytes frame = make_solicitation();
  EXPECT_DEATH(
      static_cast<void>(make_answer(frame, frame.size(), FrameQuestion::kNeighbour, our_filter())),
      "room.size");
}

}  // namespace
}  // namespace pssst::net
