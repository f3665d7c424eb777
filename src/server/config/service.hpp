/// A service: a UDP port, a server key, a client policy and a handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/server.hpp"
#include "pssst/wire.hpp"

namespace pssst::server {

/// A service as the operator describes it.
struct ServiceSettings {
  std::uint16_t udp_port = 0;
  std::string handler;
  std::string key_file;
  ClientPolicy policy = ClientPolicy::kOptional;
  std::vector<std::uint8_t> reply;  ///< the constant of `ack`
};

/// A service as workers see it. Immutable once it is part of a snapshot.
struct Service {
  std::uint16_t udp_port = 0;
  std::uint16_t suite = kSuite1;
  ServerKey key;
  ClientPolicy policy = ClientPolicy::kOptional;
  std::unique_ptr<const Handler> handler;
  std::size_t index = 0;  ///< its place among the services, and its counters'
};

/// Reads the key files and makes the handlers; then check_services() is still to be called.
base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings);

/// Refuses what must not serve together:
/// - two services at one UDP port;
/// - on suite 1 a handler whose reply is not a pure function of the request, and one server key in
///   two services that both reply: either way one request could be answered with two texts, and
///   two AES-GCM encryptions under one key and nonce reveal what forges requests;
/// - a server key that is also an enrolled client's: whoever holds the server's private key could
///   pass as that client everywhere.
base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients);

}  // namespace pssst::server
