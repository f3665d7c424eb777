#include "server/dpdk_arguments.hpp"

#include <utility>

#include "server/config/network.hpp"
#include "server/option_text.hpp"

namespace pssst::server {
namespace {

/// A value of an option, or the mistake in it.
template <class T>
base::Result<T> read_value(base::Result<T> (*read)(const std::string&), const std::string& option,
                           const std::string& text) {
  auto value = read(text);
  if (value) return value;
  const base::Error& error = value.error();
  return error.remedy.empty() ? misuse(error.what, option + " " + text)
                              : misuse(error.what, option + " " + text, error.remedy);
}

base::Result<void> read_network(const DpdkArguments& arguments, DpdkOptions& options) {
  for (const std::string& text : arguments.addresses) {
    const auto address = read_value(read_own_address, "--address", text);
    if (!address) return tl::unexpected(address.error());
    options.addresses.push_back(*address);
  }
  for (const std::string& text : arguments.vlans) {
    const auto vlan = read_value(read_vlan, "--vlan", text);
    if (!vlan) return tl::unexpected(vlan.error());
    options.vlans.push_back(*vlan);
  }
  if (!arguments.gateway_mac.empty()) {
    const auto mac = read_value(read_station_mac, "--gateway-mac", arguments.gateway_mac);
    if (!mac) return tl::unexpected(mac.error());
    options.gateway_mac = *mac;
  }
  options.mtu = arguments.mtu;
  options.exception_taps = arguments.exception_taps;
  return {};
}

base::Result<void> read_capture(const DpdkArguments& arguments, DpdkOptions& options) {
  options.capture_file = arguments.capture_file;
  options.capture_rate = arguments.capture_rate;
  options.capture_size_mb = arguments.capture_size_mb;
  if (arguments.capture_drops.empty()) return {};
  auto reasons = read_value(read_drop_reasons, "--capture-drops", arguments.capture_drops);
  if (!reasons) return tl::unexpected(reasons.error());
  options.capture_drops = std::move(*reasons);
  return {};
}

}  // namespace

base::Result<void> read_dpdk(const DpdkArguments& arguments, DpdkOptions& options) {
  if (arguments.vdevs.empty() && arguments.pci_devices.empty()) {
    return misuse("no device", "--port dpdk", "name one with --vdev or --pci");
  }
  if (arguments.addresses.empty()) {
    return misuse("no address of our own", "--port dpdk", "give one with --address");
  }
  options.vdevs = arguments.vdevs;
  options.pci_devices = arguments.pci_devices;
  options.hugepages = arguments.hugepages;
  options.memory_mb = arguments.memory_mb;
  options.queue_size = arguments.queue_size;
  options.verify_udp_checksum = !arguments.no_verify_udp_checksum;
  options.eal_arguments = arguments.eal;
  if (auto read = read_network(arguments, options); !read) return read;
  if (auto read = read_capture(arguments, options); !read) return read;
  if (auto checked = check_network(options); !checked) {
    const std::string& where = checked.error().where;
    return misuse(checked.error().what, "--port dpdk" + (where.empty() ? "" : " " + where));
  }
  return {};
}

}  // namespace pssst::server
