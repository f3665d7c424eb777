/// What a command line says of the DPDK port.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// As it was written, before it is understood.
struct DpdkArguments {
  std::vector<std::string> vdevs;
  std::vector<std::string> pci_devices;
  std::vector<std::string> addresses;
  std::vector<std::string> vlans;
  std::string gateway_mac;
  unsigned mtu = DpdkOptions{}.mtu;
  std::vector<std::string> exception_taps;
  std::string capture_drops;
  std::string capture_file;
  unsigned capture_rate = DpdkOptions{}.capture_rate;
  unsigned capture_size_mb = DpdkOptions{}.capture_size_mb;
  bool hugepages = false;
  unsigned memory_mb = DpdkOptions{}.memory_mb;
  unsigned queue_size = DpdkOptions{}.queue_size;
  bool no_verify_udp_checksum = false;
  std::vector<std::string> eal;
};

/// Errors name the option.
[[nodiscard]] base::Result<void> read_dpdk(const DpdkArguments& arguments, DpdkOptions& options);

}  // namespace pssst::server
