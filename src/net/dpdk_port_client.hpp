/// A client's port over DPDK: frames of our own making. No DPDK header is seen through this one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "net/client_port.hpp"
#include "net/dpdk_port.hpp"
#include "net/frame.hpp"

namespace pssst::net {

struct DpdkClientConfig {
  Ipv4Address server{};
  std::uint16_t server_udp_port = 0;
  std::optional<MacAddress> server_mac;  ///< none: asked for by ARP
  /// Sent from in turn; DpdkConfig::udp_ports holds them.
  std::vector<std::uint16_t> udp_ports;
};

/// On the first queue of one worker's port, from which it is made; the runtime outlives it.
class DpdkClientPort {
 public:
  DpdkClientPort(std::unique_ptr<DpdkPort> port, const DpdkClientConfig& config);
  DpdkClientPort(const DpdkClientPort&) = delete;
  DpdkClientPort& operator=(const DpdkClientPort&) = delete;
  ~DpdkClientPort();

  /// Asks for the server's MAC address until it is known, at most for `timeout`. Before the first
  /// send(). An error says that nobody answered.
  base::Result<void> find_server(std::chrono::milliseconds timeout);

  [[nodiscard]] std::size_t send(std::span<const Outgoing> outgoing) noexcept;
  [[nodiscard]] std::size_t receive(std::span<Datagram> received) noexcept;
  /// Sleeps at most a fraction of a millisecond: poll mode has no wake-up.
  void wait(std::chrono::nanoseconds timeout) noexcept;
  [[nodiscard]] const ClientPortCounters& counters() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

static_assert(ClientPort<DpdkClientPort>);

}  // namespace pssst::net
