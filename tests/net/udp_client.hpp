/// A plain blocking UDP socket for tests, IPv4 or IPv6.
#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace pssst::net::test {

class UdpClient {
 public:
  struct Received {
    std::vector<std::uint8_t> payload;
    std::string from;  ///< "127.0.0.1:5000", "[::1]:5000"
  };

  /// Bound to a UDP port of the kernel's choice on `local`, a numeric address.
  explicit UdpClient(const std::string& local) {
    const Address address = resolve(local, 0);
    fd_ = ::socket(address.any()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    check(::setsockopt(fd_, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
    check(::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    check(::bind(fd_, address.any(), address.size));
  }
  UdpClient(const UdpClient&) = delete;
  UdpClient& operator=(const UdpClient&) = delete;
  ~UdpClient() { ::close(fd_); }

  void send(const std::string& host, std::uint16_t udp_port,
            std::span<const std::uint8_t> payload) const {
    const Address to = resolve(host, udp_port);
    const auto sent = ::sendto(fd_, payload.data(), payload.size(), 0, to.any(), to.size);
    check(sent == static_cast<ssize_t>(payload.size()) ? 0 : -1);
  }

  /// Nothing after two seconds of silence.
  [[nodiscard]] std::optional<Received> receive() const {
    Received received;
    received.payload.resize(65536);
    Address from;
    from.size = sizeof from.storage;
    const auto size = ::recvfrom(fd_, received.payload.data(), received.payload.size(), 0,
                                 from.any(), &from.size);
    if (size < 0) return std::nullopt;
    received.payload.resize(static_cast<std::size_t>(size));
    received.from = name(from);
    return received;
  }

  [[nodiscard]] std::uint16_t udp_port() const {
    Address address;
    address.size = sizeof address.storage;
    check(::getsockname(fd_, address.any(), &address.size));
    // At the same place in both families.
    return ntohs(reinterpret_cast<const sockaddr_in*>(address.any())->sin_port);
  }

 private:
  struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] sockaddr* any() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] const sockaddr* any() const {
      return reinterpret_cast<const sockaddr*>(&storage);
    }
  };

  static void check(int result) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), "UdpClient");
  }

  static Address resolve(const std::string& host, std::uint16_t udp_port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(udp_port).c_str(), &hints, &found) != 0) {
      throw std::runtime_error("not a numeric address: " + host);
    }
    Address address;
    address.size = found->ai_addrlen;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(found->ai_addr), found->ai_addrlen,
                reinterpret_cast<std::uint8_t*>(&address.storage));
    ::freeaddrinfo(found);
    return address;
  }

  static std::string name(const Address& address) {
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    if (::getnameinfo(address.any(), address.size, host, sizeof host, service, sizeof service,
                      NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM) != 0) {
      return "?";
    }
    const bool is_ipv6 = address.storage.ss_family == AF_INET6;
    return (is_ipv6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + service;
  }

  int fd_ = -1;
};

}  // namespace pssst::net::test
