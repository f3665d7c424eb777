// The DPDK port over net_ring: what it sends comes back, and this test stands in between. Needs no
// root. EAL starts once per process; failing starts have processes of their own (death tests).
#include "net/dpdk_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <sched.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "net/dpdk_port_eal.hpp"
#include "net/dpdk_port_impl.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

DpdkConfig ring_config() {
  DpdkConfig config;
  config.vdevs = {"net_ring0", "net_ring1"};
  config.cpus = {allowed_cpus().back()};
  config.memory_mb = 64;
  config.slots = 256;
  config.queue_size = 256;
  config.address = kOurIp;
  config.udp_ports = our_filter().udp_ports;
  return config;
}

class DpdkPortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = DpdkRuntime::start(ring_config());
    ASSERT_TRUE(started) << started.error().to_string();
    runtime_ = *std::move(started);
    port_ = runtime_->take_port(0);
    pool_ = rte_mempool_lookup(mbuf_pool_name(0).c_str());
    rings_ = {rte_ring_lookup("ETH_RXTX0_net_ring0"), rte_ring_lookup("ETH_RXTX0_net_ring1")};
  }
  static void TearDownTestSuite() {
    port_.reset();
    runtime_.reset();
  }
  void SetUp() override {
    ASSERT_NE(port_, nullptr);
    ASSERT_NE(pool_, nullptr);
    for (const rte_ring* ring : rings_) ASSERT_NE(ring, nullptr);
    for (std::uint16_t device = 0; device < 2; ++device) {
      rte_ether_addr mac{};
      ASSERT_EQ(rte_eth_macaddr_get(device, &mac), 0);
      std::copy_n(mac.addr_bytes, 6, macs_[device].begin());
    }
    frames_ = port_->counters().frames.read();
    datagrams_ = port_->counters().datagrams.read();
  }
  void TearDown() override {
    const PortCounters& counters = port_->counters();
    std::uint64_t drops = 0;
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
      drops += counters.drops.read(static_cast<DropReason>(i));
    }
    EXPECT_EQ(counters.frames.read(), counters.datagrams.read() + counters.answered.read() +
                                          counters.handed_to_kernel.read() + drops);
    EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u) << "leaked";
  }

  static rte_mbuf* make_mbuf(const Bytes& frame) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    char* data = mbuf == nullptr
                     ? nullptr
                     : rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size()));
    if (data == nullptr) throw std::bad_alloc();
    std::copy(frame.begin(), frame.end(), data);
    return mbuf;
  }
  static void inject(std::size_t device, rte_mbuf* mbuf) {
    ASSERT_EQ(rte_ring_enqueue(rings_[device], mbuf), 0);
  }
  static void inject(std::size_t device, const Bytes& frame) { inject(device, make_mbuf(frame)); }

  [[nodiscard]] Bytes request(std::size_t device, const Bytes& payload) const {
    Bytes frame = make_request_frame(payload);
    std::copy(macs_[device].begin(), macs_[device].end(), frame.begin());
    return frame;
  }
  void inject_requests(std::size_t device, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      inject(device,
             request(device, {static_cast<std::uint8_t>(device), static_cast<std::uint8_t>(i)}));
    }
  }
  static std::vector<Datagram> receive(std::size_t wanted) {
    std::vector<Datagram> received(wanted);
    std::size_t count = 0;
    for (std::size_t pass = 0; pass < 64 && count < wanted; ++pass) {
      count += port_->receive(std::span(received).subspan(count));
    }
    received.resize(count);
    return received;
  }
  // The next frame that the port sent.
  static std::optional<Bytes> sent(std::size_t device) {
    void* object = nullptr;
    if (rte_ring_dequeue(rings_[device], &object) != 0) return std::nullopt;
    auto* mbuf = static_cast<rte_mbuf*>(object);
    const auto* data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    Bytes frame(data, data + rte_pktmbuf_pkt_len(mbuf));
    EXPECT_EQ(mbuf->nb_segs, 1);
    EXPECT_EQ(mbuf->ol_flags, 0u);
    rte_pktmbuf_free(mbuf);
    return frame;
  }
  [[nodiscard]] static std::uint64_t drops(DropReason reason) {
    return port_->counters().drops.read(reason);
  }

  static inline std::unique_ptr<DpdkRuntime> runtime_;
  static inline std::unique_ptr<DpdkPort> port_;
  static inline rte_mempool* pool_ = nullptr;
  static inline std::array<rte_ring*, 2> rings_{};
  std::array<MacAddress, 2> macs_{};
  std::uint64_t frames_ = 0;
  std::uint64_t datagrams_ = 0;
};

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
      const FrameFilter peer = make_filter(kPeerMac, kPeerIp, kPeerUdpPort);
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
    make_arp_reply(wanted, filter);
    EXPECT_EQ(sent(0), wanted);
  }
  EXPECT_FALSE(sent(0));
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
  std::array<Reply, 2> replies{Reply{received[0], payload.data(), 105, true},
                               Reply{received[1], payload.data(), 105, false}};
  port_->transmit(replies);
  EXPECT_FALSE(replies[0].sent);
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

// Exits with 3 if starting fails, after writing the error as the one line on stderr.
[[noreturn]] void start_and_exit(const DpdkConfig& config) {
  std::string error;
  {
    auto started = DpdkRuntime::start(config);
    if (!started) error = started.error().to_string();
  }
  std::fprintf(stderr, "<%s>\n", error.c_str());
  std::exit(error.empty() ? 0 : 3);
}

class DpdkStartDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(DpdkStartDeathTest, AGoodStartAndStopAreSilent) {
  EXPECT_EXIT(start_and_exit(ring_config()), testing::ExitedWithCode(0), "^<>\n$");
}

TEST_F(DpdkStartDeathTest, BadDevicesAreNamed) {
  DpdkConfig config = ring_config();
  config.vdevs = {"net_ring0", "net_af_packet0,iface=nosuch0"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<net_af_packet0: .*\\(.*\n$");
  config.vdevs = {"net_nosuch0"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*net_nosuch0.*driver.*\n$");
  config = ring_config();
  config.pci_devices = {"0000:ff:1f.7"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3),
              "^<0000:ff:1f.7: .*vfio-pci.*\n$");
}

TEST_F(DpdkStartDeathTest, BadArgumentsAndTooLittleMemoryAreTold) {
  DpdkConfig config = ring_config();
  config.eal_arguments = {"--nonsense"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*--nonsense.*\n$");
  config = ring_config();
  config.memory_mb = 8;
  config.slots = 8192;
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<no memory for .*more memory>");
}

TEST_F(DpdkStartDeathTest, MissingHugepagesAreTold) {
  if (free_hugepages() != 0) GTEST_SKIP() << "this machine has hugepages";
  DpdkConfig config = ring_config();
  config.hugepages = true;
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*no free hugepages.*\n$");
}

}  // namespace
}  // namespace pssst::net
