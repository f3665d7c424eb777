/// The port over kernel UDP sockets: no root, no NIC, no hugepages.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/datagram.hpp"
#include "net/port.hpp"

namespace pssst::net {

struct SocketPortConfig {
  /// Numeric addresses, IPv4 or IPv6; "::" takes IPv6 alone, so that "0.0.0.0" may stand beside it.
  std::vector<std::string> addresses;
  std::vector<std::uint16_t> udp_ports;
  std::size_t slots = 2048;                   ///< datagrams the worker may hold at once
  int receive_buffer_size = 4 * 1024 * 1024;  ///< bytes asked of SO_RCVBUF per socket
  /// Bytes asked of SO_SNDBUF per socket. Replies to on-link addresses that nobody has wait here
  /// for a neighbour that never answers: with the default a hundred of them silence the socket.
  int send_buffer_size = 16 * 1024 * 1024;
};

/// One socket per address and UDP port, shared among workers by SO_REUSEPORT. Replies leave from
/// the address that was called (IP_PKTINFO, IPV6_RECVPKTINFO).
class SocketPort {
 public:
  /// Binds every address and UDP port without SO_REUSEPORT and lets go again: tells a UDP port that
  /// another process holds, which SO_REUSEPORT would silently share with it. Call once, before the
  /// workers' ports are made.
  static base::Result<void> probe(const SocketPortConfig& config);
  static base::Result<std::unique_ptr<SocketPort>> create(const SocketPortConfig& config);

  // From one other thread, while a worker uses the port. Each waits until the worker's next
  // receive() has taken the change up, some seconds at most.

  /// Opens those of `udp_ports` that are not open, at every address. On failure none is.
  base::Result<void> open_udp_ports(std::span<const std::uint16_t> udp_ports);
  /// Closes all but these. Datagrams held from one that goes can be released, and their replies are
  /// not sent.
  base::Result<void> close_udp_ports_except(std::span<const std::uint16_t> udp_ports);

  SocketPort(const SocketPort&) = delete;
  SocketPort& operator=(const SocketPort&) = delete;
  ~SocketPort();

  [[nodiscard]] std::size_t receive(std::span<Datagram> received) noexcept;
  void transmit(std::span<Reply> replies) noexcept;
  void release(const Datagram& datagram, DropReason drop = DropReason::kNone) noexcept;
  void wait(std::chrono::microseconds timeout) noexcept;  ///< ppoll(2)
  [[nodiscard]] std::size_t capacity() const noexcept;
  [[nodiscard]] const PortCounters& counters() const noexcept;

 private:
  struct Impl;
  explicit SocketPort(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

static_assert(Port<SocketPort>);

}  // namespace pssst::net
