/// What a server is told to be, wherever it was written: a command line or a configuration file.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "identity/follower.hpp"
#include "net/address.hpp"
#include "server/config/protection.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

enum class PortKind : std::uint8_t { kSocket, kDpdk };
enum class IdleMode : std::uint8_t { kSpin, kSleep };
enum class CountersForm : std::uint8_t { kText, kJson };
enum class LogTarget : std::uint8_t { kStderr, kJournal };
enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

struct SocketOptions {
  /// Numeric; empty: 0.0.0.0, and :: where the host has IPv6.
  std::vector<std::string> addresses;

  bool operator==(const SocketOptions&) const = default;
};

struct DpdkOptions {
  std::vector<std::string> vdevs;
  std::vector<std::string> pci_devices;
  std::vector<Address> addresses{};    ///< ours, on every device; at least one
  std::vector<std::uint16_t> vlans{};  ///< served; empty: untagged frames alone, which are 0
  std::optional<net::MacAddress> gateway_mac{};  ///< of all replies; none: where each came from
  unsigned mtu = 0;                              ///< largest IP packet sent; 0: the device's
  /// Interfaces through which the kernel gets what is not for the server, and sends: one a device,
  /// virtual ones first.
  std::vector<std::string> exception_taps{};
  std::vector<DropReason> capture_drops{};  ///< written to the file
  std::string capture_file{};
  unsigned capture_rate = 100;    ///< frames a second and worker at most
  unsigned capture_size_mb = 64;  ///< of the file
  bool hugepages = false;
  unsigned memory_mb = 256;
  unsigned queue_size = 1024;  ///< descriptors
  bool verify_udp_checksum = true;
  std::vector<std::string> eal_arguments;

  bool operator==(const DpdkOptions&) const = default;
};

/// Who may tell a running server what to do, and where.
struct ControlOptions {
  std::string socket;              ///< path of the Unix socket; empty: none
  unsigned mode = 0600;            ///< of the socket
  std::vector<std::string> users;  ///< besides root and the server's own

  bool operator==(const ControlOptions&) const = default;
};

/// /metrics and /health over HTTP.
struct MetricsOptions {
  std::string listen;  ///< "127.0.0.1:9477", "[::1]:9477"; empty: none

  bool operator==(const MetricsOptions&) const = default;
};

struct LogOptions {
  LogTarget target = LogTarget::kStderr;
  LogLevel level = LogLevel::kInfo;

  bool operator==(const LogOptions&) const = default;
};

struct PrivilegeOptions {
  std::string user;     ///< to become when started as root; empty: stay who we are
  bool seccomp = true;  ///< load the system call filter once started

  bool operator==(const PrivilegeOptions&) const = default;
};

struct DrainOptions {
  /// Serving goes on so long at most after health has begun to fail.
  std::chrono::seconds deadline{30};
  /// No datagram for so long: the traffic has ebbed.
  std::chrono::seconds quiet{2};

  bool operator==(const DrainOptions&) const = default;
};

/// The store of enrolled clients.
struct IdentityOptions {
  std::string store;                 ///< path; empty: none
  bool serve_while_loading = false;  ///< serve from the start who is loaded so far
  /// When the store cannot be followed for so long: serve the last good table, or nobody.
  identity::StalePolicy stale = identity::StalePolicy::kServe;
  std::chrono::seconds stale_after{300};

  bool operator==(const IdentityOptions&) const = default;
};

struct Configuration {
  std::string file;  ///< where it was written; empty: on the command line
  PortKind port = PortKind::kSocket;
  std::vector<ServiceSettings> services;
  std::string clients_file;  ///< empty: none; or else there is no store
  IdentityOptions identity;
  std::vector<unsigned> cpus;  ///< empty: the first that the process may use
  IdleMode idle = IdleMode::kSleep;
  CountersForm counters = CountersForm::kText;
  std::string x25519_kernel;  ///< empty: the best that this CPU has
  /// For tables of clients, of all workers together; 0: none.
  unsigned proof_table_memory_mb = 256;
  /// Requests of each worker that may await a later reply at once, where there are handlers that
  /// answer later.
  unsigned later_replies = 1024;
  /// Where records of reply functions are kept; empty: beside each key file.
  std::string state_directory;
  SocketOptions socket;
  DpdkOptions dpdk;
  ControlOptions control;
  MetricsOptions metrics;
  LogOptions log;
  PrivilegeOptions privileges;
  DrainOptions drain;
  Protection protection;
  ProtectionMemory protection_memory;

  bool operator==(const Configuration&) const = default;
};

/// For tables of clients, of all workers together; 0 where nobody is enrolled.
[[nodiscard]] inline std::size_t proof_table_bytes(const Configuration& configuration) noexcept {
  return configuration.clients_file.empty() && configuration.identity.store.empty()
             ? 0
             : std::size_t{configuration.proof_table_memory_mb} << 20;
}

/// Of all services, each once, ascending.
[[nodiscard]] std::vector<std::uint16_t> udp_ports_of(const Configuration& configuration);

/// Whether a handler of this service comes out of a library, or of any of the services.
[[nodiscard]] bool uses_library(const ServiceSettings& service) noexcept;
[[nodiscard]] bool uses_libraries(const Configuration& configuration) noexcept;

/// Whether a handler of this service is not built in.
[[nodiscard]] bool has_attached_handler(const ServiceSettings& service) noexcept;

/// Requests of each worker that may await a later reply: 0 where all handlers are built in. What a
/// server starts with decides; a reload cannot bring handlers for which there is no room.
[[nodiscard]] std::size_t later_replies_of(const Configuration& configuration) noexcept;

}  // namespace pssst::server
