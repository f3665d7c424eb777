/// The command line of pssstd.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

enum class PortKind : std::uint8_t { kSocket, kDpdk };
enum class IdleMode : std::uint8_t { kSpin, kSleep };
enum class CountersForm : std::uint8_t { kText, kJson };

struct SocketOptions {
  /// Numeric; empty: 0.0.0.0, and :: where the host has IPv6.
  std::vector<std::string> addresses;
};

struct DpdkOptions {
  std::vector<std::string> vdevs;
  std::vector<std::string> pci_devices;
  std::array<std::uint8_t, 4> address{};  ///< our IPv4 address
  bool hugepages = false;
  unsigned memory_mb = 256;
  unsigned queue_size = 1024;  ///< descriptors
  bool verify_udp_checksum = true;
  std::vector<std::string> eal_arguments;
};

struct Options {
  PortKind port = PortKind::kSocket;
  std::vector<ServiceSettings> services;
  std::string clients_file;    ///< empty: nobody is enrolled
  std::vector<unsigned> cpus;  ///< empty: the first that the process may use
  IdleMode idle = IdleMode::kSleep;
  CountersForm counters = CountersForm::kText;
  std::string x25519_kernel;  ///< empty: the best that this CPU has
  /// For tables of clients, of all workers together; 0: none.
  unsigned proof_table_memory_mb = 256;
  SocketOptions socket;
  DpdkOptions dpdk;
};

/// Options to serve with, or a text to print before exit status 0 (--help, --version).
using CommandLine = std::variant<Options, std::string>;

/// Reads the command line; looks at no file and at nothing of this machine. An Error is a mistake
/// of usage.
base::Result<CommandLine> parse_command_line(int argc, const char* const* argv);

/// Of all workers together; 0 where nobody is enrolled.
[[nodiscard]] std::size_t proof_table_bytes(const Options& options) noexcept;

}  // namespace pssst::server
