// Hugepages, drivers and isolation: the checks of deploy/host, in its words.
#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <sstream>

#include "server/host/host_check.hpp"

namespace pssst::server {
namespace {

constexpr const char* kRunInit = "run deploy/host init";
constexpr const char* kNoDpdk = "nothing, as [port] kind is not \"dpdk\"";
constexpr const char* kVfio = "vfio-pci";

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// Interfaces that routes of this machine lead over.
std::set<std::string> routed_interfaces(const Machine& machine) {
  std::set<std::string> found;
  std::istringstream ipv4(machine.read("proc/net/route").value_or(""));
  std::string line;
  std::getline(ipv4, line);
  while (std::getline(ipv4, line)) {
    if (const auto words = words_of(line); !words.empty()) found.insert(words.front());
  }
  std::istringstream ipv6(machine.read("proc/net/ipv6_route").value_or(""));
  while (std::getline(ipv6, line)) {
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with("fe80") || words[0].starts_with("ff")) continue;
    found.insert(words.back());
  }
  return found;
}

/// What stands in the way of vfio-pci; empty: nothing.
std::string driver_obstacle(const Machine& machine, const std::string& address,
                            const std::string& device) {
  const std::set<std::string> routed = routed_interfaces(machine);
  const auto interfaces = machine.list(device + "/net");
  const auto interface = std::ranges::find_if(
      interfaces, [&](const std::string& name) { return routed.contains(name); });
  if (interface != interfaces.end()) {
    return address + " is " + *interface +
           ", over which routes of this machine lead: take its addresses away (ip address flush "
           "dev " +
           *interface + ") or name another device";
  }
  if (machine.exists(device + "/iommu_group")) return {};
  return address +
         " is behind no IOMMU: switch it on in the firmware (VT-d, AMD-Vi) and boot with "
         "intel_iommu=on";
}

/// Empty: it is in order.
std::string driver_fault(const Machine& machine, const std::string& address) {
  // Their NICs are shared between kernel and DPDK.
  constexpr std::array<std::string_view, 2> kSharing{"mlx4_core", "mlx5_core"};
  const std::string device = "sys/bus/pci/devices/" + address;
  if (!machine.exists(device)) {
    return "there is no PCI device " + address + ": see lspci -D, mend [dpdk] pci";
  }
  const std::string driver = machine.link_name(device + "/driver");
  const bool lasting = machine.read("etc/driverctl.d/pci-" + address) == kVfio;
  if (std::ranges::find(kSharing, driver) != kSharing.end()) return {};
  if (driver == kVfio && lasting) return {};
  if (std::string obstacle = driver_obstacle(machine, address, device); !obstacle.empty()) {
    return obstacle;
  }
  return address + " is bound to " +
         (driver == kVfio ? std::string(kVfio) + " until the next boot"
                          : (driver.empty() ? "no driver" : driver)) +
         ": " + kRunInit;
}

/// The interface of the kernel that a virtual device works on; empty: it makes its own.
std::string interface_of(const std::string& vdev) {
  if (!vdev.starts_with("net_af_xdp") && !vdev.starts_with("net_af_packet")) return {};
  constexpr std::string_view kName = ",iface=";
  const std::size_t at = vdev.find(kName);
  if (at == std::string::npos) return {};
  const std::string rest = vdev.substr(at + kName.size());
  return rest.substr(0, rest.find(','));
}

std::vector<unsigned> difference(std::vector<unsigned> a, std::vector<unsigned> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  std::vector<unsigned> left;
  std::ranges::set_difference(a, b, std::back_inserter(left));
  return left;
}

/// Why the workers cannot have their CPUs; empty: they can.
std::string cpus_fault(const Configuration& configuration, const Machine& machine) {
  const auto online = machine.online_cpus();
  const auto absent = difference(configuration.cpus, online);
  if (!absent.empty()) {
    return "CPU " + format_cpus(absent) + " of [server] lcores is not online (" +
           format_cpus(online) + " are): mend lcores";
  }
  if (configuration.port != PortKind::kDpdk) return {};
  if (configuration.cpus.empty()) {
    return "[server] lcores is missing: say which CPUs the workers have, like \"2-7\"";
  }
  if (difference(online, configuration.cpus).empty()) {
    return "[server] lcores takes every CPU: leave one to the rest of the system";
  }
  if (std::ranges::find(configuration.cpus, 0U) != configuration.cpus.end()) {
    return "[server] lcores has CPU 0, which the kernel needs to boot and to keep time: leave it "
           "out";
  }
  return {};
}

}  // namespace

TopicFaults check_hugepages(const Configuration& configuration, const Machine& machine) {
  if (configuration.port != PortKind::kDpdk) return {.not_needed = kNoDpdk};
  if (!configuration.dpdk.hugepages) return {.not_needed = "[dpdk] hugepages is not true"};
  const auto size_kb = machine.number_in("proc/meminfo", "Hugepagesize:");
  const auto there = machine.number_in("proc/sys/vm/nr_hugepages", "");
  if (!size_kb || *size_kb == 0 || !there) {
    return {.faults = {"this kernel has no hugepages: boot one with CONFIG_HUGETLBFS"}};
  }
  const std::uint64_t needed =
      (std::uint64_t{configuration.dpdk.memory_mb} * 1024 + *size_kb - 1) / *size_kb;
  TopicFaults found;
  if (*there < needed) {
    found.faults.push_back(std::to_string(*there) + " of " + std::to_string(needed) + ": " +
                           kRunInit);
  }
  const auto lasting =
      machine.number_in("etc/sysctl.d/70-pssst-hugepages.conf", "vm.nr_hugepages = ");
  const std::string booted = " " + machine.read("proc/cmdline").value_or("");
  if (lasting.value_or(0) < needed && booted.find(" hugepages=") == std::string::npos) {
    found.faults.push_back(std::to_string(needed) + " are not asked for after a boot: " + kRunInit);
  }
  return found;
}

TopicFaults check_drivers(const Configuration& configuration, const Machine& machine) {
  if (configuration.port != PortKind::kDpdk) return {.not_needed = kNoDpdk};
  TopicFaults found;
  for (const std::string& vdev : configuration.dpdk.vdevs) {
    const std::string interface = interface_of(vdev);
    if (interface.empty() || machine.exists("sys/class/net/" + interface)) continue;
    found.faults.push_back("there is no interface " + interface +
                           ": see ip link, mend [dpdk] vdevs");
  }
  if (configuration.dpdk.pci_devices.empty() && found.faults.empty()) {
    return {.not_needed = "[dpdk] pci names no device"};
  }
  for (const std::string& address : configuration.dpdk.pci_devices) {
    if (std::string fault = driver_fault(machine, address); !fault.empty()) {
      found.faults.push_back(std::move(fault));
    }
  }
  return found;
}

TopicFaults check_isolation(const Configuration& configuration, const Machine& machine) {
  if (std::string fault = cpus_fault(configuration, machine); !fault.empty()) {
    return {.faults = {std::move(fault)}};
  }
  if (configuration.port != PortKind::kDpdk) return {.not_needed = kNoDpdk};
  const std::string cpus = format_cpus(configuration.cpus);
  const std::string others = format_cpus(difference(machine.online_cpus(), configuration.cpus));
  const std::string wanted = "isolcpus=managed_irq,domain," + cpus + " nohz_full=" + cpus +
                             " rcu_nocbs=" + cpus + " irqaffinity=" + others;
  const auto booted = words_of(machine.read("proc/cmdline").value_or(""));
  if (std::ranges::all_of(words_of(wanted), [&](const std::string& word) {
        return std::ranges::find(booted, word) != booted.end();
      })) {
    return {};
  }
  const std::string written = machine.read("etc/default/grub.d/pssst.cfg").value_or("");
  if (written.ends_with("\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX " + wanted + "\"")) {
    return {.faults = {"not booted with it yet: run update-grub, then reboot"}};
  }
  if (machine.exists("etc/default/grub")) {
    return {.faults = {"the kernel's command line lacks " + wanted + ": " + kRunInit}};
  }
  return {
      .faults = {"there is no /etc/default/grub: give the boot loader, whatever it is, " + wanted}};
}

}  // namespace pssst::server
