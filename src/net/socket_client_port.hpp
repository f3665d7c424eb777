/// A client's port over kernel UDP sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

#include "base/error.hpp"
#include "net/client_port.hpp"
#include "net/udp_socket.hpp"

namespace pssst::net {

struct SocketClientConfig {
  Endpoint server;
  unsigned sockets = 1;       ///< each with a UDP port of its own, chosen by the kernel
  int buffer_size = 4 << 20;  ///< bytes, each way; the kernel may grant less
  /// One more socket sends datagrams that have a source of their own. Addresses of this host
  /// (127.0.0.0/8) serve everybody; all others need CAP_NET_ADMIN or CAP_NET_RAW.
  bool foreign_sources = false;
};

/// Connected sockets: the kernel passes on what the server sent, and ICMP errors. Of a batch that
/// mixes datagrams with and without a source of their own send() takes those before the first
/// change.
class SocketClientPort {
 public:
  static base::Result<std::unique_ptr<SocketClientPort>> open(const SocketClientConfig& config);
  SocketClientPort(const SocketClientPort&) = delete;
  SocketClientPort& operator=(const SocketClientPort&) = delete;
  ~SocketClientPort();

  [[nodiscard]] std::size_t send(std::span<const Outgoing> outgoing) noexcept;
  [[nodiscard]] std::size_t receive(std::span<Datagram> received) noexcept;
  void wait(std::chrono::nanoseconds timeout) noexcept;
  [[nodiscard]] const ClientPortCounters& counters() const noexcept;

 private:
  struct Impl;
  explicit SocketClientPort(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

static_assert(ClientPort<SocketClientPort>);

}  // namespace pssst::net
