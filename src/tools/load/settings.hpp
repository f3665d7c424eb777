/// What `pssst load` is told to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/frame.hpp"
#include "tools/load/hostile.hpp"
#include "tools/load/mix.hpp"
#include "tools/load/request_pool.hpp"

namespace pssst::tools::load {

/// The command line as it stands.
struct Arguments {
  std::string host;
  unsigned udp_port = 0;
  std::string server;
  std::string x25519_kernel;

  double rate = 0;
  std::size_t window = 0;
  double duration_s = 0;
  std::uint64_t count = 0;
  double warmup_s = 0.5;
  unsigned timeout_ms = 1000;
  unsigned connect_ms = 5000;

  std::string sizes = "64";
  std::string clients;
  double authenticated = 1;
  std::size_t make_clients = 0;
  std::string write_enrolment;
  std::size_t pool = 0;
  bool fresh = false;
  std::string verify = "100";
  std::string expect = "echo";

  unsigned threads = 1;
  unsigned sockets = 8;
  std::string cpus;
  bool spin = false;
  bool ipv4 = false;
  bool ipv6 = false;

  std::vector<std::string> vdevs;
  std::vector<std::string> pci_devices;
  std::string address;
  std::string server_mac;
  bool hugepages = false;
  unsigned memory_mb = 256;
  unsigned queue_size = 1024;
  std::vector<std::string> eal;

  std::string hostile;
  double hostile_rate = 0;
  std::string source_prefix;

  bool live = false;
  bool json = false;
  std::string plot;
};

struct HostileTraffic {
  HostileWeights weights{};
  /// Hostile datagrams for each good request; 0 where they have a rate of their own.
  double per_good = 0;
  double rate = 0;
  std::string source_prefix;

  [[nodiscard]] bool is_on() const noexcept { return per_good > 0 || rate > 0; }
};

struct DpdkSettings {
  std::vector<std::string> vdevs;
  std::vector<std::string> pci_devices;
  net::Ipv4Address address{};
  std::optional<net::MacAddress> server_mac;
  bool hugepages = false;
  unsigned memory_mb = 256;
  unsigned queue_size = 1024;
  std::vector<std::string> eal_arguments;
};

/// The command line, understood and checked.
struct Settings {
  std::string host;
  std::uint16_t udp_port = 0;
  bool ipv4 = false;
  bool ipv6 = false;
  std::string x25519_kernel;

  double rate = 0;          ///< good requests a second, all threads together; 0: by window
  std::size_t window = 0;   ///< all threads together; 0: by rate
  double duration_s = 0;    ///< 0: by count
  std::uint64_t count = 0;  ///< 0: by duration
  double warmup_s = 0;
  std::uint64_t timeout_ns = 0;
  std::uint64_t connect_ns = 0;

  std::string sizes_text;
  std::vector<WeightedSize> sizes;
  double authenticated_share = 0;
  std::size_t pool = 0;  ///< all threads together
  bool fresh = false;
  std::uint64_t verify_every = 100;  ///< 0: none
  std::string expect_text;
  Expectation expectation;

  unsigned threads = 1;
  unsigned sockets = 1;
  std::vector<unsigned> cpus;  ///< one a thread; empty: not bound
  bool spin = false;
  std::optional<DpdkSettings> dpdk;  ///< none: kernel sockets
  HostileTraffic hostile;

  [[nodiscard]] bool is_open_loop() const noexcept { return rate > 0; }
  [[nodiscard]] bool expects_replies() const noexcept {
    return expectation.kind != Expectation::Kind::kNothing;
  }
};

/// Errors are those of the command line.
[[nodiscard]] base::Result<Settings> understand(const Arguments& arguments);

}  // namespace pssst::tools::load
