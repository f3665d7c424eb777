// The DPDK port over net_ring: what it sends comes back, and this test stands in between. Needs no
// root. EAL starts once per process; failing starts have processes of their own (death tests).
#include "net/dpdk_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <random>
#include <thread>

#include "net/dpdk_port_fixture.hpp"
#include "net/dpdk_port_impl.hpp"
#include "net/frame_bytes.hpp"
#include "net/pcap_reader.hpp"

namespace pssst::net {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(DpdkPortTest, RepliesGoBackWhereTheRequestsCameFrom) {
  inject_requests(0, 100);
  inject_requests(1, 70);
  const std::vector<Datagram> received = receive(170);
  ASSERT_EQ(received.size(), 170u);
  EXPECT_EQ(port_->counters().frames.read() - frames_, 170u);
  EXPECT_EQ(port_->counters().datagrams.read() - datagrams_, 170u);
  std::vector<Reply> replies;
  std::vector<Bytes> payloads;
  payloads.reserve(received.size());
  for (std::size_t i = 0; i < received.size(); ++i) {
    const Datagram& datagram = received[i * 7 % 170];
    EXPECT_EQ(datagram.udp_port, kOurUdpPort);
    EXPECT_THAT(datagram.source, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, kPeerIp[0],
                                             kPeerIp[1], kPeerIp[2], kPeerIp[3]));
    EXPECT_THAT(datagram.destination, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
                                                  kOurIp[0], kOurIp[1], kOurIp[2], kOurIp[3]));
    payloads.emplace_back(datagram.data, datagram.data + datagram.size);
    payloads.back().push_back(0xcc);
    replies.push_back({.to = datagram, .data = payloads.back().data(), .size = 3});
  }
  port_->transmit(replies);
  for (const Reply& reply : replies) EXPECT_TRUE(reply.sent);
  const std::array<std::size_t, 2> counts{100, 70};
  for (std::size_t device = 0; device < 2; ++device) {
    std::vector<bool> seen(counts[device]);
    for (std::size_t i = 0; i < counts[device]; ++i) {
      const auto frame = sent(device);
      ASSERT_TRUE(frame);
      const FrameFilter peer = peer_filter();
      const ParsedFrame parsed = parse_frame(*frame, peer);
      ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
      ASSERT_EQ(parsed.payload.size(), 3u);
      EXPECT_EQ(parsed.payload[0], device);
      EXPECT_EQ(parsed.payload[2], 0xcc);
      EXPECT_EQ(Bytes(frame->begin() + 6, frame->begin() + 12),
                Bytes(macs_[device].begin(), macs_[device].end()));
      seen.at(parsed.payload[1]) = true;
    }
    EXPECT_FALSE(sent(device));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<long>(counts[device]));
  }
}

TEST_F(DpdkPortTest, AnswersArpInBetweenAndDropsTheRest) {
  const std::uint64_t answered = port_->counters().answered.read();
  const std::uint64_t not_for_us = drops(DropReason::kFrameNotForUs);
  const std::uint64_t truncated = drops(DropReason::kFrameTruncated);
  inject_requests(0, 1);
  inject(0, make_arp_request());
  inject(0, make_request_frame(Bytes{9}));  // another MAC than the device's
  inject(0, Bytes(13, 0));
  inject(0, make_arp_request());
  inject_requests(0, 1);
  const auto received = receive(2);
  ASSERT_EQ(received.size(), 2u);
  for (const Datagram& datagram : received) port_->release(datagram);
  EXPECT_EQ(port_->counters().answered.read() - answered, 2u);
  EXPECT_EQ(drops(DropReason::kFrameNotForUs) - not_for_us, 1u);
  EXPECT_EQ(drops(DropReason::kFrameTruncated) - truncated, 1u);
  for (std::size_t i = 0; i < 2; ++i) {
    Bytes wanted = make_arp_request();
    FrameFilter filter = our_filter();
    filter.mac = macs_[0];
    wanted.resize(kAnswerRoom);
    wanted.resize(make_answer(wanted, make_arp_request().size(), FrameQuestion::kArp, filter));
    EXPECT_EQ(sent(0), wanted);
  }
  EXPECT_FALSE(sent(0));
}

TEST_F(DpdkPortTest, AnswersOverIpv6EvenWhereTheAnswerIsLonger) {
  const std::uint64_t answered = port_->counters().answered.read();
  const auto to_device = [this](Bytes frame) {
    std::copy(macs_[0].begin(), macs_[0].end(), frame.begin());
    return frame;
  };
  inject(0, to_device(make_ipv6_request_frame(Bytes{7, 8})));
  inject(0, make_solicitation());
  inject(0, to_device(make_ipv4_echo_frame(Bytes(100, 0x55))));
  inject(0, to_device(make_ipv6_echo_frame(Bytes(100, 0x55))));
  // One pass: another would find the answers, which lie in the same ring.
  std::array<Datagram, 4> received;
  ASSERT_EQ(port_->receive(received), 1u);
  EXPECT_EQ(received[0].source, kPeerIp6);
  EXPECT_EQ(received[0].destination, kOurIp6);
  EXPECT_EQ(port_->counters().answered.read() - answered, 3u);
  const Bytes payload(9, 0xcc);
  std::array<Reply, 1> replies{Reply{.to = received[0], .data = payload.data(), .size = 9}};
  port_->transmit(replies);
  EXPECT_TRUE(replies[0].sent);
  const auto advertisement = sent(0);
  ASSERT_TRUE(advertisement);
  EXPECT_EQ(advertisement->size(), 86u);
  EXPECT_EQ(reference_ipv6_checksum(*advertisement), 0);
  EXPECT_EQ(sent(0)->size(), 142u);
  EXPECT_EQ(sent(0)->size(), 162u);
  const auto reply = sent(0);
  ASSERT_TRUE(reply);
  const ParsedFrame parsed = parse_frame(*reply, peer_filter());
  ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
  EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), payload);
  EXPECT_EQ(parsed.source(), kOurIp6);
}

TEST_F(DpdkPortTest, AReplyOverTheMtuIsADropWithThatReason) {
  Bytes frame = make_ipv6_request_frame(Bytes{7, 8});
  std::copy(macs_[0].begin(), macs_[0].end(), frame.begin());
  inject(0, frame);
  inject(0, frame);
  const auto received = receive(2);
  ASSERT_EQ(received.size(), 2u);
  const Bytes payload(1453, 0xcc);
  std::array<Reply, 2> replies{Reply{.to = received[0], .data = payload.data(), .size = 1453},
                               Reply{.to = received[1], .data = payload.data(), .size = 1452}};
  port_->transmit(replies);
  EXPECT_FALSE(replies[0].sent);
  EXPECT_EQ(replies[0].drop, DropReason::kReplyOverMtu);
  EXPECT_TRUE(replies[1].sent);
  EXPECT_EQ(sent(0)->size(), 1514u);
  EXPECT_FALSE(sent(0));
}

TEST_F(DpdkPortTest, CapturesChosenDropsOfFramesAndDatagrams) {
  const PortCounters& counters = port_->counters();
  const std::uint64_t captured = counters.captured.read();
  const Bytes vlan = tagged(request(0, Bytes(9, 1)), 5);
  const Bytes bad_tag = request(0, Bytes(60, 2));
  const Bytes released = request(0, Bytes(60, 3));
  const Bytes unchosen = request(0, Bytes(60, 4));
  const Bytes over_mtu = request(0, Bytes(60, 5));
  inject(0, Bytes(13, 0));  // truncated: counted alone
  for (const Bytes& frame : {vlan, bad_tag, released, unchosen, over_mtu}) inject(0, frame);
  const auto received = receive(4);
  ASSERT_EQ(received.size(), 4u);
  port_->release(received[0], DropReason::kTag);
  port_->release(received[1]);
  port_->release(received[2], DropReason::kQueueFull);
  const Bytes payload(1473, 0xcc);
  std::array<Reply, 1> replies{Reply{.to = received[3], .data = payload.data(), .size = 1473}};
  port_->transmit(replies);
  EXPECT_EQ(counters.captured.read() - captured, 3u);
  EXPECT_EQ(counters.capture_missed.read(), 0u);
  const std::vector<Bytes> wanted{vlan, bad_tag, over_mtu};
  std::vector<Bytes> written;
  for (int i = 0; i < 200 && written.size() < captured + wanted.size(); ++i) {
    std::this_thread::sleep_for(10ms);
    written.clear();
    const auto frames = read_pcap(capture_path());
    if (!frames) continue;
    std::ranges::transform(*frames, std::back_inserter(written), &PcapFrame::bytes);
  }
  ASSERT_GE(written.size(), wanted.size());
  EXPECT_EQ(std::vector<Bytes>(written.end() - 3, written.end()), wanted);
}

TEST_F(DpdkPortTest, TakesFramesInSegmentsIfTheyFitOneBuffer) {
  const std::uint64_t oversized = drops(DropReason::kFrameOversized);
  const Bytes frame = request(0, Bytes(1000, 0x77));
  rte_mbuf* mbuf = make_mbuf({frame.begin(), frame.begin() + 50});
  ASSERT_EQ(rte_pktmbuf_chain(mbuf, make_mbuf({frame.begin() + 50, frame.end()})), 0);
  inject(0, mbuf);
  mbuf = make_mbuf(request(0, Bytes(1400, 0x77)));
  ASSERT_EQ(rte_pktmbuf_chain(mbuf, make_mbuf(Bytes(1400, 0x77))), 0);
  inject(0, mbuf);
  const auto received = receive(2);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(Bytes(received[0].data, received[0].data + received[0].size), Bytes(1000, 0x77));
  port_->release(received[0]);
  EXPECT_EQ(drops(DropReason::kFrameOversized) - oversized, 1u);
}

TEST_F(DpdkPortTest, WhatTheDeviceDoesNotTakeIsFreedAndNotSent) {
  inject_requests(0, 100);
  const auto received = receive(100);
  ASSERT_EQ(received.size(), 100u);
  // Room for 30 replies.
  while (rte_ring_free_count(rings_[0]) > 30) inject(0, Bytes(60, 0));
  std::vector<Reply> replies;
  const Bytes payload(8, 1);
  for (const Datagram& datagram : received) {
    replies.push_back({.to = datagram, .data = payload.data(), .size = 8, .sent = true});
  }
  const std::uint64_t bytes_out = port_->counters().bytes_out.read();
  port_->transmit(replies);
  for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].sent, i < 30) << i;
  EXPECT_EQ(port_->counters().bytes_out.read() - bytes_out, 30u * 8);
  while (sent(0)) {
  }
}

TEST_F(DpdkPortTest, AReplyThatDoesNotFitItsBufferIsNotSent) {
  for (const std::uint16_t behind : {std::uint16_t{100}, std::uint16_t{200}}) {
    const Bytes frame = request(0, Bytes(4, 1));
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    mbuf->data_off = static_cast<std::uint16_t>(mbuf->buf_len - frame.size() - behind);
    std::copy(frame.begin(), frame.end(),
              rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())));
    inject(0, mbuf);
  }
  const auto received = receive(2);
  ASSERT_EQ(received.size(), 2u);
  const Bytes payload(105, 1);
  std::array<Reply, 2> replies{Reply{.to = received[0], .data = payload.data(), .size = 105},
                               Reply{.to = received[1], .data = payload.data(), .size = 105}};
  port_->transmit(replies);
  EXPECT_FALSE(replies[0].sent);
  EXPECT_EQ(replies[0].drop, DropReason::kTransmit);
  EXPECT_TRUE(replies[1].sent);
  EXPECT_EQ(sent(0)->size(), kFrameHeaderSize + 105);
  EXPECT_FALSE(sent(0));
}

TEST_F(DpdkPortTest, AFloodedQueueDoesNotStarveAnother) {
  for (const std::size_t quiet : std::initializer_list<std::size_t>{0, 1}) {
    inject_requests(1 - quiet, 200);
    inject_requests(quiet, 1);
    bool seen = false;
    for (std::size_t pass = 0; pass < 2; ++pass) {
      std::array<Datagram, 16> space;
      for (const Datagram& datagram : std::span(space).first(port_->receive(space))) {
        seen = seen || datagram.data[0] == quiet;
        port_->release(datagram);
      }
    }
    EXPECT_TRUE(seen);
    for (const Datagram& datagram : receive(201)) port_->release(datagram);
  }
}

// Golden frames as they are, cut, and spoilt, of every duty: whatever becomes of them, no buffer is
// lost (TearDown counts them).
TEST_F(DpdkPortTest, FramesOfEveryKindLoseNoBuffer) {
  std::vector<Bytes> frames;
  for (const auto& file : std::filesystem::directory_iterator(PSSST_GOLDEN_FRAMES)) {
    const auto golden = read_pcap(file.path());
    for (const PcapFrame& frame : golden ? *golden : std::vector<PcapFrame>{}) {
      frames.push_back(frame.bytes);
      if ((frames.back()[0] & 1) == 0) {
        std::copy(macs_[0].begin(), macs_[0].end(), frames.back().begin());
      }
    }
  }
  ASSERT_GT(frames.size(), 100u);
  std::minstd_rand dice(1);
  const Bytes payload(1600, 0xcc);
  const std::uint64_t before = port_->counters().frames.read();
  std::uint64_t injected = 0;
  for (int round = 0; round < 5000; ++round) {
    for (int i = 0; i < 32; ++i, ++injected) {
      Bytes frame = frames[dice() % frames.size()];
      for (unsigned spoilt = dice() % 4; spoilt > 0; --spoilt) {
        frame[12 + dice() % (frame.size() - 12)] = static_cast<std::uint8_t>(dice());
      }
      if (dice() % 8 == 0) frame.resize(dice() % frame.size());
      inject(0, frame);
    }
    std::array<Datagram, 64> received;
    const std::size_t count = port_->receive(received);
    for (const Datagram& datagram : std::span(received).first(count)) {
      std::array<Reply, 1> replies{Reply{.to = datagram, .data = payload.data()}};
      replies[0].size = static_cast<std::uint16_t>(dice() % payload.size());
      if (dice() % 3 == 0) {
        port_->release(datagram, DropReason::kTag);
      } else {
        port_->transmit(replies);
      }
    }
    while (sent(0)) {
    }
  }
  EXPECT_EQ(port_->counters().frames.read() - before, injected);
  EXPECT_GT(drops(DropReason::kUdpChecksum), 100u);
  EXPECT_GT(port_->counters().answered.read(), 100u);
}

TEST_F(DpdkPortTest, BodiesRunOnTheWorkersCpuOneAtATime) {
  std::atomic<int> cpu{-1};
  std::atomic<bool> stop{false};
  std::size_t served = 0;
  inject_requests(0, 10);
  ASSERT_TRUE(runtime_->launch(0, [&] {
    while (!stop) {
      std::array<Datagram, 8> space;
      for (const Datagram& datagram : std::span(space).first(port_->receive(space))) {
        port_->release(datagram);
        ++served;
      }
      if (served == 10) cpu = ::sched_getcpu();
    }
  }));
  while (cpu < 0) std::this_thread::sleep_for(1ms);
  const auto again = runtime_->launch(0, [] {});
  EXPECT_FALSE(again);
  stop = true;
  runtime_->join();
  EXPECT_EQ(static_cast<unsigned>(cpu), ring_config().cpus[0]);
  EXPECT_EQ(served, 10u);
}

TEST_F(DpdkPortTest, SignalsDoNotCutAWaitShort) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval every_5ms{.it_interval = {0, 5000}, .it_value = {0, 5000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every_5ms, nullptr), 0);
  const auto begin = std::chrono::steady_clock::now();
  port_->wait(60ms);
  const auto waited = std::chrono::steady_clock::now() - begin;
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_GE(waited, 60ms);
}

TEST_F(DpdkPortTest, TellsItsDevicesAndCapacity) {
  EXPECT_THAT(runtime_->describe_devices(),
              ElementsAre(AllOf(StartsWith("net_ring0: driver net_ring, MAC "),
                                HasSubstr(", 1 queue pair, link")),
                          StartsWith("net_ring1: ")));
  EXPECT_EQ(port_->capacity(), 256u);
  runtime_->read_device_counters();
  EXPECT_EQ(port_->counters().missed.read(), 0u);
}

TEST_F(DpdkPortTest, TellsWhatItsDevicesCount) {
  const auto before = runtime_->device_statistics();
  inject_requests(1, 3);
  for (const Datagram& datagram : receive(3)) port_->release(datagram);
  const auto after = runtime_->device_statistics();
  EXPECT_EQ(after.at(1).name, "net_ring1");
  EXPECT_EQ(after.at(1).received_packets, before.at(1).received_packets + 3);
  EXPECT_EQ(after.at(0).received_packets, before.at(0).received_packets);
}

TEST_F(DpdkPortTest, EalStartsOnce) {
  const auto second = DpdkRuntime::start(ring_config());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("cannot start twice"));
}

}  // namespace
}  // namespace pssst::net
