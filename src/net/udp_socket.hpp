/// Kernel UDP sockets as the socket port wants them: names, options, errors.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "net/overflow_counter.hpp"

namespace pssst::net {

union SocketAddress {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

/// Where one socket binds.
struct Endpoint {
  SocketAddress address{};
  socklen_t address_size = 0;
  std::uint16_t udp_port = 0;
  std::string name;  ///< "UDP port 5000 on 127.0.0.1"
};

struct UdpSocket {
  base::FileDescriptor fd;
  std::uint16_t udp_port = 0;
  bool is_ipv6 = false;
  OverflowCounter overflow;
};

/// Every address with every UDP port. Refuses what is not a numeric address, UDP port 0, and
/// having nothing of either.
[[nodiscard]] base::Result<std::vector<Endpoint>> resolve_endpoints(
    std::span<const std::string> addresses, std::span<const std::uint16_t> udp_ports);

/// Whether a plain bind succeeds, without SO_REUSEPORT.
[[nodiscard]] base::Result<void> probe_endpoint(const Endpoint& endpoint);

/// Bound, non-blocking, with SO_REUSEPORT, SO_RXQ_OVFL and packet information; IPv6 alone where it
/// is IPv6. The buffers are what the kernel grants of so many bytes.
[[nodiscard]] base::Result<UdpSocket> open_udp_socket(const Endpoint& endpoint,
                                                      int receive_buffer_size,
                                                      int send_buffer_size);

}  // namespace pssst::net
