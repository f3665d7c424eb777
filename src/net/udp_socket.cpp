#include "net/udp_socket.hpp"

#include <netdb.h>

#include <cerrno>
#include <cstring>

namespace pssst::net {
namespace {

base::Result<Endpoint> resolve(const std::string& address, std::uint16_t udp_port) {
  if (udp_port == 0) {
    return base::fail("UDP port 0 cannot be served", address, "choose one from 1 to 65535");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(udp_port);
  if (address.empty() || ::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0) {
    return base::fail(
        "not a numeric IPv4 or IPv6 address", "\"" + address + "\"",
        "write it as 192.0.2.1, 2001:db8::1 or fe80::1%eth0; 0.0.0.0 and :: take all");
  }
  Endpoint endpoint;
  endpoint.address_size = found->ai_addrlen;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  endpoint.udp_port = udp_port;
  endpoint.name = "UDP port " + port + " on " + address;
  return endpoint;
}

tl::unexpected<base::Error> bind_error(int error_number, const Endpoint& endpoint) {
  switch (error_number) {
    case EADDRINUSE:
      return base::fail(endpoint.name + " is taken by another process", {},
                        "stop that process (ss -lunp names it) or choose another UDP port");
    case EACCES:
      return base::fail("no permission to bind " + endpoint.name, {},
                        "choose a UDP port from 1024 on, or grant CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
      return base::fail("cannot bind " + endpoint.name + ": this machine has no such address", {},
                        "see `ip address`");
    default:
      return base::fail("cannot bind " + endpoint.name + ": " + base::describe_errno(error_number));
  }
}

bool set_option(const base::FileDescriptor& fd, int level, int option, int value) noexcept {
  return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

// A socket of the endpoint's family that is not bound yet.
base::Result<base::FileDescriptor> make_socket(const Endpoint& endpoint) {
  const int family = endpoint.address.any.sa_family;
  base::FileDescriptor fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (fd.get() < 0) {
    const int error_number = errno;
    return base::fail("cannot make a socket for " + endpoint.name + ": " +
                      base::describe_errno(error_number));
  }
  if (family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
    const int error_number = errno;
    return base::fail("IPV6_V6ONLY for " + endpoint.name + ": " +
                      base::describe_errno(error_number));
  }
  return fd;
}

base::Result<void> bind_socket(const base::FileDescriptor& fd, const Endpoint& endpoint) {
  if (::bind(fd.get(), &endpoint.address.any, endpoint.address_size) != 0) {
    return bind_error(errno, endpoint);
  }
  return {};
}

}  // namespace

base::Result<std::vector<Endpoint>> resolve_endpoints(std::span<const std::string> addresses,
                                                      std::span<const std::uint16_t> udp_ports) {
  if (addresses.empty()) return base::fail("no address to listen on");
  if (udp_ports.empty()) return base::fail("no UDP port to listen on");
  std::vector<Endpoint> endpoints;
  for (const std::string& address : addresses) {
    for (const std::uint16_t udp_port : udp_ports) {
      auto endpoint = resolve(address, udp_port);
      if (!endpoint) return tl::unexpected(endpoint.error());
      endpoints.push_back(*std::move(endpoint));
    }
  }
  return endpoints;
}

base::Result<void> probe_endpoint(const Endpoint& endpoint) {
  const auto fd = make_socket(endpoint);
  if (!fd) return tl::unexpected(fd.error());
  return bind_socket(*fd, endpoint);
}

base::Result<UdpSocket> open_udp_socket(const Endpoint& endpoint, int receive_buffer_size,
                                        int send_buffer_size) {
  auto fd = make_socket(endpoint);
  if (!fd) return tl::unexpected(fd.error());
  const bool is_ipv6 = endpoint.address.any.sa_family == AF_INET6;
  const bool is_set = set_option(*fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
                      set_option(*fd, SOL_SOCKET, SO_RXQ_OVFL, 1) &&
                      (is_ipv6 ? set_option(*fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                               : set_option(*fd, IPPROTO_IP, IP_PKTINFO, 1));
  if (!is_set) {
    const int error_number = errno;
    return base::fail("cannot set the socket options of " + endpoint.name + ": " +
                      base::describe_errno(error_number));
  }
  // With CAP_NET_ADMIN beyond net.core.rmem_max and wmem_max; without, up to them. Less is served
  // all the same.
  if (!set_option(*fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_size)) {
    static_cast<void>(set_option(*fd, SOL_SOCKET, SO_RCVBUF, receive_buffer_size));
  }
  if (!set_option(*fd, SOL_SOCKET, SO_SNDBUFFORCE, send_buffer_size)) {
    static_cast<void>(set_option(*fd, SOL_SOCKET, SO_SNDBUF, send_buffer_size));
  }
  if (auto bound = bind_socket(*fd, endpoint); !bound) return tl::unexpected(bound.error());
  return UdpSocket{*std::move(fd), endpoint.udp_port, is_ipv6, {}};
}

}  // namespace pssst::net
