/// Socket ports for tests, where nobody else is.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/socket_port.hpp"

namespace pssst::net::test {

/// A UDP port that nobody holds on any of the addresses; below the range the kernel gives clients.
inline std::uint16_t free_udp_port(const std::vector<std::string>& addresses) {
  static auto candidate = static_cast<std::uint16_t>(20000 + ::getpid() % 10000);
  do {
    ++candidate;
  } while (!SocketPort::probe({.addresses = addresses, .udp_ports = {candidate}}));
  return candidate;
}

/// Throws what SocketPort::create() says when it fails.
inline std::unique_ptr<SocketPort> make_port(const SocketPortConfig& config) {
  auto port = SocketPort::create(config);
  if (!port) throw std::runtime_error(port.error().to_string());
  return *std::move(port);
}

}  // namespace pssst::net::test
