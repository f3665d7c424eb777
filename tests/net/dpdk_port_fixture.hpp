/// A DPDK port of two net_ring devices, in which what it sends comes back.
#pragma once

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "net/dpdk_port.hpp"
#include "net/dpdk_port_eal.hpp"
#include "net/dpdk_port_impl.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net::test {

/// Of the drops that the port captures.
inline std::string capture_path() {
  return std::filesystem::temp_directory_path() / ("pssst-drops-" + std::to_string(::getpid()));
}

inline DpdkConfig ring_config() {
  DpdkConfig config;
  config.vdevs = {"net_ring0", "net_ring1"};
  config.cpus = {allowed_cpus().back()};
  config.memory_mb = 64;
  config.slots = 256;
  config.queue_size = 256;
  config.addresses = {mapped(kOurIp), kOurIp6};
  config.udp_ports = our_filter().udp_ports;
  return config;
}

class DpdkPortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    DpdkConfig config = ring_config();
    config.capture = {.reasons = {}, .file = capture_path(), .rate = 100};
    for (const DropReason reason :
         {DropReason::kVlan, DropReason::kTag, DropReason::kReplyOverMtu}) {
      config.capture->reasons.set(static_cast<std::size_t>(reason));
    }
    auto started = DpdkRuntime::start(config);
    ASSERT_TRUE(started) << started.error().to_string();
    runtime_ = *std::move(started);
    port_ = runtime_->take_port(0);
    pool_ = rte_mempool_lookup(mbuf_pool_name(0).c_str());
    rings_ = {rte_ring_lookup("ETH_RXTX0_net_ring0"), rte_ring_lookup("ETH_RXTX0_net_ring1")};
  }
  static void TearDownTestSuite() {
    port_.reset();
    runtime_.reset();
    std::filesystem::remove(capture_path());
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
    EXPECT_EQ(mbuf->ol_flags & ~RTE_MBUF_F_EXTERNAL, 0u);
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

}  // namespace pssst::net::test
