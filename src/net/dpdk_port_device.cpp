#include "net/dpdk_port_device.hpp"

#include <rte_errno.h>
#include <rte_ether.h>

#include <algorithm>
#include <array>
#include <vector>

namespace pssst::net {
namespace {

// What net_af_xdp's rings hold, whatever is asked: 2048 to fill and 2048 to send.
constexpr unsigned kAfXdpMbufs = 4096;
constexpr std::uint64_t kWantedHash = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV4 |
                                      RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6;

constexpr std::uint64_t kChecksums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

rte_eth_conf make_configuration(const DpdkDevice& device, unsigned queues) noexcept {
  rte_eth_conf configuration{};
  const std::uint64_t hash = kWantedHash & device.info.flow_type_rss_offloads;
  if (queues > 1 && hash != 0) {
    configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    configuration.rx_adv_conf.rss_conf.rss_hf = hash;
  }
  if (is_hardware(device.name, device.info.driver_name)) {
    configuration.rxmode.offloads = kChecksums & device.info.rx_offload_capa;
  }
  return configuration;
}

}  // namespace

tl::unexpected<base::Error> dpdk_failure(std::string_view what, int negative_errno,
                                         std::string_view device) {
  return base::fail(std::string(what) + ": " + rte_strerror(-negative_errno), std::string(device));
}

unsigned DpdkDevice::queues_max() const noexcept {
  return std::min(info.max_rx_queues, info.max_tx_queues);
}

unsigned DpdkDevice::mbufs_per_queue() const noexcept {
  const unsigned descriptors = unsigned{receive_size} + transmit_size;
  const bool is_af_xdp = std::string_view(info.driver_name) == "net_af_xdp";
  return is_af_xdp ? std::max(descriptors, kAfXdpMbufs) : descriptors;
}

bool DpdkDevice::link_up() const noexcept {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id, &link) == 0 && link.link_status != 0;
}

std::string DpdkDevice::describe() const {
  std::array<char, RTE_ETHER_ADDR_FMT_SIZE> mac_text{};
  rte_ether_addr address{};
  std::copy(mac.begin(), mac.end(), address.addr_bytes);
  rte_ether_format_addr(mac_text.data(), mac_text.size(), &address);
  return name + ": driver " + info.driver_name + ", MAC " + mac_text.data() + ", " +
         std::to_string(queues) + (queues == 1 ? " queue pair" : " queue pairs") + ", link " +
         (link_up() ? "up" : "down");
}

base::Result<DpdkDevice> find_device(std::string_view name) {
  DpdkDevice device;
  device.name = name;
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &device.id) != 0) {
    const bool is_pci = name.find(':') != std::string_view::npos;
    return base::fail("DPDK could not make this device", device.name,
                      is_pci ? "bind it to vfio-pci, see dpdk-devbind.py --status" : "");
  }
  if (const int result = rte_eth_dev_info_get(device.id, &device.info); result != 0) {
    return dpdk_failure("cannot read the device's limits", result, name);
  }
  rte_ether_addr mac{};
  if (const int result = rte_eth_macaddr_get(device.id, &mac); result != 0) {
    return dpdk_failure("cannot read the MAC address", result, name);
  }
  std::copy_n(mac.addr_bytes, device.mac.size(), device.mac.begin());
  if (const int result = rte_eth_dev_get_mtu(device.id, &device.mtu); result != 0) {
    return dpdk_failure("cannot read the MTU", result, name);
  }
  return device;
}

bool is_hardware(std::string_view name, std::string_view driver) noexcept {
  return name.find(':') != std::string_view::npos && driver != "net_virtio";
}

base::Result<void> configure_device(DpdkDevice& device, unsigned queues, unsigned queue_size) {
  const rte_eth_conf configuration = make_configuration(device, queues);
  const auto count = static_cast<std::uint16_t>(queues);
  int result = rte_eth_dev_configure(device.id, count, count, &configuration);
  if (result != 0) return dpdk_failure("cannot configure the device", result, device.name);
  device.queues = queues;
  device.configured = true;
  device.checks_checksums = configuration.rxmode.offloads != 0;
  device.receive_size = device.transmit_size =
      static_cast<std::uint16_t>(std::min(queue_size, unsigned{UINT16_MAX}));
  result = rte_eth_dev_adjust_nb_rx_tx_desc(device.id, &device.receive_size, &device.transmit_size);
  if (result != 0) return dpdk_failure("cannot size the queues", result, device.name);
  return {};
}

base::Result<void> set_up_queue(const DpdkDevice& device, unsigned queue, unsigned socket,
                                rte_mempool* pool) {
  const auto number = static_cast<std::uint16_t>(queue);
  int result =
      rte_eth_rx_queue_setup(device.id, number, device.receive_size, socket, nullptr, pool);
  if (result != 0) return dpdk_failure("cannot set up a receive queue", result, device.name);
  result = rte_eth_tx_queue_setup(device.id, number, device.transmit_size, socket, nullptr);
  if (result != 0) return dpdk_failure("cannot set up a transmit queue", result, device.name);
  return {};
}

base::Result<void> start_device(const DpdkDevice& device) {
  if (const int result = rte_eth_dev_start(device.id); result != 0) {
    return dpdk_failure("cannot start the device", result, device.name);
  }
  return {};
}

void join_groups(const DpdkDevice& device, const OwnAddresses& addresses) noexcept {
  std::vector<rte_ether_addr> groups;
  for (const IpAddress& address : addresses.ipv6()) {
    const MacAddress mac = group_mac(solicited_node(address));
    rte_ether_addr& group = groups.emplace_back();
    std::copy(mac.begin(), mac.end(), group.addr_bytes);
  }
  if (groups.empty()) return;
  const auto count = static_cast<std::uint32_t>(groups.size());
  if (rte_eth_dev_set_mc_addr_list(device.id, groups.data(), count) == 0) return;
  join_all_groups(device);
}

void join_all_groups(const DpdkDevice& device) noexcept {
  if (rte_eth_allmulticast_enable(device.id) == 0) return;
  static_cast<void>(rte_eth_promiscuous_enable(device.id));
}

LinkState read_link(const DpdkDevice& device) {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(device.id, &link) != 0) return {};
  const bool knows_speed =
      link.link_speed != RTE_ETH_SPEED_NUM_NONE && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.is_up = link.link_status != 0,
          .speed = knows_speed ? std::to_string(link.link_speed) + " Mbps" : ""};
}

void close_device(const DpdkDevice& device) noexcept {
  if (device.configured) static_cast<void>(rte_eth_dev_stop(device.id));
  static_cast<void>(rte_eth_dev_close(device.id));
}

}  // namespace pssst::net
