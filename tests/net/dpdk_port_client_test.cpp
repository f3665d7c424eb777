// The client's DPDK port over net_ring: what it sends comes back, and this test stands in between.
// Needs no root. EAL starts once per process.
#include "net/dpdk_port_client.hpp"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <optional>

#include "net/dpdk_port_eal.hpp"
#include "net/dpdk_port_impl.hpp"
#include "net/frame_announcement.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr std::array<std::uint16_t, 3> kUdpPorts{50'001, 50'002, 50'003};

class DpdkClientPortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto udp_ports = std::make_shared<UdpPortSet>();
    for (const std::uint16_t udp_port : kUdpPorts) udp_ports->insert(udp_port);
    DpdkConfig config;
    config.vdevs = {"net_ring0"};
    config.cpus = {allowed_cpus().back()};
    config.memory_mb = 64;
    config.queue_size = 256;
    config.addresses = {mapped(kPeerIp)};
    config.udp_ports = std::move(udp_ports);
    auto started = DpdkRuntime::start(config);
    ASSERT_TRUE(started) << started.error().to_string();
    runtime_ = *std::move(started);
    port_ = std::make_unique<DpdkClientPort>(
        runtime_->take_port(0),
        DpdkClientConfig{.server = kOurIp,
                         .server_udp_port = kOurUdpPort,
                         .server_mac = std::nullopt,
                         .udp_ports = {kUdpPorts.begin(), kUdpPorts.end()}});
    pool_ = rte_mempool_lookup(mbuf_pool_name(0).c_str());
    ring_ = rte_ring_lookup("ETH_RXTX0_net_ring0");
    // Nobody answers yet: what it asks comes back to itself.
    const auto found = port_->find_server(150ms);
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().what.find("nobody answers ARP"), std::string::npos);
    // The answer waits already: net_ring's rings are for one thread at each end.
    inject(arp_reply());
    const auto found_now = port_->find_server(5s);
    ASSERT_TRUE(found_now) << found_now.error().to_string();
  }
  static void TearDownTestSuite() {
    port_.reset();
    EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u) << "leaked";
    runtime_.reset();
  }
  void SetUp() override {
    ASSERT_NE(pool_, nullptr);
    while (sent()) {
    }
  }

  static Bytes arp_reply() {
    rte_ether_addr mac{};
    EXPECT_EQ(rte_eth_macaddr_get(0, &mac), 0);
    MacAddress own{};
    std::copy_n(mac.addr_bytes, own.size(), own.begin());
    Bytes frame(kAnswerRoom);
    const std::size_t size = net::make_arp_request(frame, own, kPeerIp, kOurIp);
    frame.resize(make_answer(frame, size, FrameQuestion::kArp, our_filter()));
    return frame;
  }
  static std::optional<Bytes> sent() {
    void* object = nullptr;
    if (rte_ring_dequeue(ring_, &object) != 0) return std::nullopt;
    auto* mbuf = static_cast<rte_mbuf*>(object);
    const auto* data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    Bytes frame(data, data + rte_pktmbuf_pkt_len(mbuf));
    rte_pktmbuf_free(mbuf);
    return frame;
  }
  static void inject(const Bytes& frame) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    ASSERT_NE(mbuf, nullptr);
    std::copy(frame.begin(), frame.end(),
              rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())));
    ASSERT_EQ(rte_ring_enqueue(ring_, mbuf), 0);
  }

  static inline std::unique_ptr<DpdkRuntime> runtime_;
  static inline std::unique_ptr<DpdkClientPort> port_;
  static inline rte_mempool* pool_ = nullptr;
  static inline rte_ring* ring_ = nullptr;
};

TEST_F(DpdkClientPortTest, ServersTakeWhatItSendsAndItTakesTheirReplies) {
  std::vector<Bytes> payloads;
  std::vector<Outgoing> outgoing;
  for (std::uint8_t i = 0; i < 100; ++i) payloads.push_back(Bytes(std::size_t{i} * 14, i));
  for (const Bytes& payload : payloads) {
    outgoing.push_back(
        {.data = payload.data(), .size = static_cast<std::uint16_t>(payload.size())});
  }
  // A burst at a time.
  EXPECT_EQ(port_->send(outgoing), kFrameBurst);
  EXPECT_EQ(port_->send(std::span(outgoing).subspan(kFrameBurst)), 100u - kFrameBurst);
  EXPECT_EQ(port_->send({}), 0u);
  std::vector<Bytes> replies;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    auto frame = sent();
    ASSERT_TRUE(frame);
    EXPECT_GE(frame->size(), kFrameSizeMin);
    const ParsedFrame parsed = parse_frame(*frame, our_filter());
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
    EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), payloads[i]);
    EXPECT_EQ(parsed.source(), mapped(kPeerIp));
    EXPECT_EQ(get16(*frame, 34), kUdpPorts[i % kUdpPorts.size()]);
    frame->resize(kFrameHeaderSize + payloads[i].size());
    frame->resize(make_reply_frame(*frame, our_filter(), payloads[i]));
    replies.push_back(*std::move(frame));
  }
  std::size_t seen = 0;
  for (const Bytes& reply : replies) inject(reply);
  for (int pass = 0; pass < 16 && seen < payloads.size(); ++pass) {
    std::array<Datagram, 48> received;
    const std::size_t count = port_->receive(received);
    for (std::size_t i = 0; i < count; ++i, ++seen) {
      EXPECT_EQ(Bytes(received[i].data, received[i].data + received[i].size), payloads[seen]);
    }
  }
  EXPECT_EQ(seen, payloads.size());
  std::array<Datagram, 1> nothing;
  EXPECT_EQ(port_->receive(nothing), 0u);
}

TEST_F(DpdkClientPortTest, SendsUnderOtherAddresses) {
  const Bytes payload(64, 1);
  const std::array<Outgoing, 2> outgoing{
      {{.data = payload.data(), .size = 64, .source = {198, 18, 0, 7}},
       {.data = payload.data(), .size = 64}}};
  EXPECT_EQ(port_->send(outgoing), 2u);
  EXPECT_EQ(parse_frame(*sent(), our_filter()).source(), mapped({198, 18, 0, 7}));
  EXPECT_EQ(parse_frame(*sent(), our_filter()).source(), mapped(kPeerIp));
}

TEST_F(DpdkClientPortTest, PassesOverWhatIsNotForIt) {
  const std::uint64_t ignored = port_->counters().frames_ignored.read();
  inject(Bytes(60, 0));
  inject(make_request_frame(Bytes{1}));
  std::array<Datagram, 4> received;
  EXPECT_EQ(port_->receive(received), 0u);
  EXPECT_EQ(port_->counters().frames_ignored.read() - ignored, 2u);
}

}  // namespace
}  // namespace pssst::net
