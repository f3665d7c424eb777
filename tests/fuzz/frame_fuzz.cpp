// Frames from anybody: nothing is read or written out of bounds, and what we answer is what the
// peer's own stack would take.
//
// Input: options 1 (bit 0: verify UDP checksums, 1: right IP checksum, 2: right UDP checksum, of
// IPv6 too, 3: VLAN 5 is served besides untagged frames) | reply size 2 | frame.
#include <algorithm>

#include "base/assert.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net {
namespace {

using namespace test;

std::span<const std::uint8_t> slice(std::span<const std::uint8_t> bytes, std::size_t offset,
                                    std::size_t size) {
  return bytes.subspan(offset, size);
}

bool equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// Most mutations would end at a checksum otherwise.
void fix_checksums(Bytes& frame, unsigned options) {
  if (frame.size() < kFrameHeaderSize) return;
  if (get16(frame, 12) == 0x86dd) {
    const std::size_t length = get16(frame, 18);
    const bool is_whole = frame.size() >= 62 && length >= 8 && length <= frame.size() - 54;
    if ((options & 4) != 0 && is_whole) fix_ipv6_checksum(frame, frame[20] == 17 ? 6 : 2);
    return;
  }
  if ((options & 2) != 0) fix_ip_checksum(frame);
  const std::size_t total_length = get16(frame, 16);
  const bool is_udp_whole = total_length >= kIpv4HeaderSize + kUdpHeaderSize &&
                            total_length <= frame.size() - kEthernetHeaderSize;
  if ((options & 4) != 0 && is_udp_whole) fix_udp_checksum(frame);
}

void check_datagram(const Bytes& frame, const ParsedFrame& parsed, std::size_t reply_size) {
  const std::size_t headers = static_cast<std::size_t>(parsed.payload.data() - frame.data());
  PSSST_ASSERT(parsed.drop == DropReason::kNone && parsed.udp_port == kOurUdpPort);
  PSSST_ASSERT(parsed.payload.size() <= kDatagramSizeMax);
  PSSST_ASSERT(headers >= kFrameHeaderSize && headers <= kFrameHeaderSizeMax);
  PSSST_ASSERT(parsed.payload.size() <= frame.size() - headers);

  Bytes payload(reply_size);
  for (std::size_t i = 0; i < reply_size; ++i) payload[i] = frame[i % frame.size()];
  Bytes reply(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(headers));
  reply.resize(headers + reply_size);
  PSSST_ASSERT(make_reply_frame(reply, our_filter(), payload) == reply.size());
  PSSST_ASSERT(equal(slice(reply, 0, 6), slice(frame, 6, 6)));
  PSSST_ASSERT(equal(slice(reply, 6, 6), kOurMac));
  // But for the addresses everything up to the IP header is as it was, a tag among it.
  const std::size_t ip_at = headers - kUdpHeaderSize - (parsed.is_ipv6 ? 40 : 20);
  PSSST_ASSERT(equal(slice(reply, 12, ip_at - 12), slice(frame, 12, ip_at - 12)));
  PSSST_ASSERT(get16(reply, headers - 8) == kOurUdpPort && get16(reply, headers - 2) != 0);

  MacAddress peer_mac{};
  std::copy_n(reply.begin(), peer_mac.size(), peer_mac.begin());
  const std::uint16_t peer_udp_port = get16(frame, headers - 8);
  FrameFilter peer = make_filter(peer_mac, {parsed.source()}, peer_udp_port);
  peer.vlans.set();
  const ParsedFrame answer = parse_frame(reply, peer);
  PSSST_ASSERT(answer.verdict == FrameVerdict::kDatagram);
  PSSST_ASSERT(answer.source() == parsed.destination());
  PSSST_ASSERT(answer.udp_port == peer_udp_port && equal(answer.payload, payload));
}

void check_question(const Bytes& frame, FrameQuestion question) {
  Bytes answer = frame;
  answer.resize(std::max(frame.size(), kAnswerRoom));
  answer.resize(make_answer(answer, frame.size(), question, our_filter()));
  PSSST_ASSERT(answer.size() <= std::max(frame.size(), kAnswerRoom));
  PSSST_ASSERT(equal(slice(answer, 6, 6), kOurMac));
  const bool is_arp = question == FrameQuestion::kArp;
  const bool is_to_all = (answer[0] & 1) != 0;
  PSSST_ASSERT(!is_to_all || question == FrameQuestion::kNeighbour);
  if (!is_arp && !is_to_all) PSSST_ASSERT(equal(slice(answer, 0, 6), slice(frame, 6, 6)));
  // Whatever it was that asked, our answer asks nothing.
  PSSST_ASSERT(parse_frame(answer, our_filter()).verdict != FrameVerdict::kQuestion);
  MacAddress peer_mac{};
  std::copy_n(frame.begin() + 6, peer_mac.size(), peer_mac.begin());
  FrameFilter peer = make_filter(peer_mac, {mapped(kPeerIp), kPeerIp6}, kPeerUdpPort);
  PSSST_ASSERT(parse_frame(answer, peer).verdict != FrameVerdict::kQuestion);
}

void check_frame(unsigned options, std::size_t reply_size, Bytes frame) {
  fix_checksums(frame, options);
  FrameFilter filter = our_filter();
  filter.verify_udp_checksum = (options & 1) != 0;
  filter.vlans.set(5, (options & 8) != 0);
  const ParsedFrame parsed = parse_frame(frame, filter);
  switch (parsed.verdict) {
    case FrameVerdict::kDatagram:
      check_datagram(frame, parsed, reply_size);
      break;
    case FrameVerdict::kQuestion:
      check_question(frame, parsed.question);
      break;
    case FrameVerdict::kForeign:
    case FrameVerdict::kDrop:
      PSSST_ASSERT(is_frame_drop(parsed.drop) && parsed.payload.empty());
      break;
  }
}

}  // namespace
}  // namespace pssst::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kOptionsSize = 3;
  if (size < kOptionsSize) return 0;
  const std::size_t reply_size =
      pssst::net::test::get16({data, size}, 1) % (pssst::kDatagramSizeMax + 1);
  pssst::net::check_frame(data[0], reply_size, {data + kOptionsSize, data + size});
  return 0;
}
