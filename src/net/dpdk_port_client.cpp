#include "net/dpdk_port_client.hpp"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

#include "base/assert.hpp"
#include "net/dpdk_port_impl.hpp"
#include "net/frame_announcement.hpp"

namespace pssst::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kTransmitAttempts = 16;
constexpr std::chrono::milliseconds kArpInterval{50};
constexpr std::chrono::microseconds kWaitMax{50};

std::span<std::uint8_t> frame_of(rte_mbuf* mbuf) noexcept {
  return {rte_pktmbuf_mtod(mbuf, std::uint8_t*), rte_pktmbuf_data_len(mbuf)};
}

std::span<std::uint8_t> room_of(rte_mbuf* mbuf) noexcept {
  return {rte_pktmbuf_mtod(mbuf, std::uint8_t*), rte_pktmbuf_tailroom(mbuf)};
}

void set_size(rte_mbuf* mbuf, std::size_t size) noexcept {
  mbuf->data_len = static_cast<std::uint16_t>(size);
  mbuf->pkt_len = static_cast<std::uint32_t>(size);
}

}  // namespace

struct DpdkClientPort::Impl {
  Impl(std::unique_ptr<DpdkPort> taken, const DpdkClientConfig& config)
      : owner(std::move(taken)),
        port(*owner->impl_),
        queue(port.queues.front()),
        pool(port.pool),
        udp_ports(config.udp_ports),
        addresses{.destination_mac = config.server_mac.value_or(MacAddress{}),
                  .source_mac = queue.filter.mac,
                  .source_ip = mapped(queue.filter.addresses->ipv4().front()),
                  .destination_ip = mapped(config.server),
                  .source_udp_port = 0,
                  .destination_udp_port = config.server_udp_port},
        server_known(config.server_mac.has_value()) {
    PSSST_ASSERT(pool != nullptr && !udp_ports.empty());
  }

  ClientPortCounters counters;
  std::array<rte_mbuf*, kFrameBurst> held{};  ///< behind the datagrams of the last receive()
  std::unique_ptr<DpdkPort> owner;
  DpdkPort::Impl& port;
  DpdkQueue& queue;
  rte_mempool* pool;
  std::vector<std::uint16_t> udp_ports;
  std::size_t next_udp_port = 0;
  FrameAddresses addresses;
  unsigned held_count = 0;
  bool server_known;

  void release_held() noexcept {
    rte_pktmbuf_free_bulk(held.data(), held_count);
    held_count = 0;
  }
  void ask_for_server() const noexcept;
  void listen_for_server() noexcept;
};

DpdkClientPort::DpdkClientPort(std::unique_ptr<DpdkPort> port, const DpdkClientConfig& config)
    : impl_(std::make_unique<Impl>(std::move(port), config)) {}

DpdkClientPort::~DpdkClientPort() {
  impl_->release_held();
}

void DpdkClientPort::Impl::ask_for_server() const noexcept {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) return;
  set_size(mbuf, make_arp_request(room_of(mbuf), queue.filter.mac, unmapped(addresses.source_ip),
                                  unmapped(addresses.destination_ip)));
  if (rte_eth_tx_burst(queue.device, queue.queue, &mbuf, 1) == 0) rte_pktmbuf_free(mbuf);
}

void DpdkClientPort::Impl::listen_for_server() noexcept {
  std::array<rte_mbuf*, kFrameBurst> mbufs;
  const std::uint16_t count =
      rte_eth_rx_burst(queue.device, queue.queue, mbufs.data(), kFrameBurst);
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto mac =
        read_arp_reply(frame_of(mbufs[i]), queue.filter.mac, unmapped(addresses.destination_ip));
    if (mac) {
      addresses.destination_mac = *mac;
      server_known = true;
    }
  }
  rte_pktmbuf_free_bulk(mbufs.data(), count);
}

base::Result<void> DpdkClientPort::find_server(std::chrono::milliseconds timeout) {
  Impl& impl = *impl_;
  const auto deadline = Clock::now() + timeout;
  auto next_request = Clock::now();
  while (!impl.server_known) {
    const auto now = Clock::now();
    if (now >= deadline) {
      return base::fail("nobody answers ARP requests for the server's address", {},
                        "check the address and that the server is up, or give --server-mac");
    }
    if (now >= next_request) {
      impl.ask_for_server();
      next_request = now + kArpInterval;
    }
    impl.listen_for_server();
    std::this_thread::sleep_for(kWaitMax);
  }
  return {};
}

std::size_t DpdkClientPort::send(std::span<const Outgoing> outgoing) noexcept {
  Impl& impl = *impl_;
  const auto count =
      static_cast<std::uint16_t>(std::min<std::size_t>(outgoing.size(), kFrameBurst));
  std::array<rte_mbuf*, kFrameBurst> mbufs;
  if (count == 0 || rte_pktmbuf_alloc_bulk(impl.pool, mbufs.data(), count) != 0) return 0;
  FrameAddresses addresses = impl.addresses;
  for (std::uint16_t i = 0; i < count; ++i) {
    const Outgoing& datagram = outgoing[i];
    const bool is_ours = datagram.source == Ipv4Address{};
    addresses.source_ip = is_ours ? impl.addresses.source_ip : mapped(datagram.source);
    addresses.source_udp_port = impl.udp_ports[impl.next_udp_port];
    if (++impl.next_udp_port == impl.udp_ports.size()) impl.next_udp_port = 0;
    const std::span room = room_of(mbufs[i]);
    std::size_t size = make_datagram_frame(room, addresses, {datagram.data, datagram.size});
    for (; size < kFrameSizeMin; ++size) room[size] = 0;
    set_size(mbufs[i], size);
  }
  std::uint16_t sent = 0;
  for (unsigned attempt = 0; sent < count && attempt < kTransmitAttempts; ++attempt) {
    if (attempt != 0) rte_pause();
    sent = static_cast<std::uint16_t>(
        sent + rte_eth_tx_burst(impl.queue.device, impl.queue.queue, &mbufs[sent],
                                static_cast<std::uint16_t>(count - sent)));
  }
  rte_pktmbuf_free_bulk(&mbufs[sent], count - sent);
  return sent;
}

std::size_t DpdkClientPort::receive(std::span<Datagram> received) noexcept {
  Impl& impl = *impl_;
  impl.release_held();
  const std::size_t limit = std::min<std::size_t>(received.size(), kFrameBurst);
  const std::uint64_t frames = impl.port.counters->frames.read();
  const std::size_t count = impl.port.receive_burst(impl.queue, received.first(limit));
  impl.counters.frames_ignored.add(impl.port.counters->frames.read() - frames - count);
  for (std::size_t i = 0; i < count; ++i) impl.held[i] = datagram_mbuf(received[i]);
  impl.held_count = static_cast<unsigned>(count);
  return count;
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): a member in the concept
void DpdkClientPort::wait(std::chrono::nanoseconds timeout) noexcept {
  std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(timeout, kWaitMax));
}

const ClientPortCounters& DpdkClientPort::counters() const noexcept {
  return impl_->counters;
}

}  // namespace pssst::net
