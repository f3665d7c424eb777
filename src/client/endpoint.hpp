/// Names and addresses of servers.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace pssst::client {

enum class AddressFamily : std::uint8_t { kAny, kIpv4, kIpv6 };

/// An IPv4 or IPv6 address and a UDP port.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  /// "192.0.2.1:7700" or "[2001:db8::1]:7700".
  [[nodiscard]] std::string to_string() const;
};

/// All addresses of `host`, a name or a literal address, in the order of getaddrinfo(3)
/// (RFC 6724); at least one. Blocks while the name is looked up.
[[nodiscard]] base::Result<std::vector<Endpoint>> resolve(const std::string& host,
                                                          std::uint16_t port, AddressFamily family);

}  // namespace pssst::client
