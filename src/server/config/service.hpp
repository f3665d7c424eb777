/// A service: a UDP port, a server key, a client policy and a handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/server.hpp"

namespace pssst::server {

/// A service as the operator describes it.
struct ServiceSettings {
  std::string name{};  ///< of its counters; unique among the services
  std::uint16_t udp_port = 0;
  /// Destination addresses that it serves, numeric; empty: all of the server's that no other
  /// service at this UDP port names.
  std::vector<std::string> addresses{};
  std::string handler;
  std::vector<std::string> key_files;  ///< each says its key's suite
  ClientPolicy policy = ClientPolicy::kOptional;
  std::vector<std::uint8_t> reply;     ///< the constant of `ack`
  std::optional<std::uint16_t> suite;  ///< every key must be of this one
  std::string label;                   ///< of the keys of suite 0xF002
  /// Two keys of suite 1: what the first does not open is tried with the second.
  bool try_second_key = false;
  /// Bytes that a reply's datagram may be longer than its request's; and never more than three
  /// times as long.
  std::size_t reply_limit = 0;

  bool operator==(const ServiceSettings&) const = default;
};

/// A service as workers see it. Immutable once it is part of a snapshot.
struct Service {
  std::uint16_t udp_port = 0;
  std::vector<ServerKey> keys;  ///< at least one
  ClientPolicy policy = ClientPolicy::kOptional;
  std::unique_ptr<const Handler> handler;
  std::size_t index = 0;  ///< its place among the services, and its counters'
};

/// Reads the key files and makes the handlers; then check_services() is still to be called.
base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings);

/// Refuses what must not serve together:
/// - two services at one UDP port;
/// - in one service two keys that requests do not tell apart: of suite 1, or of suite 0xF002 with
///   one kid;
/// - one key in two suites;
/// - on suite 1 a handler whose reply is not a pure function of the request, and one server key in
///   two services that both reply: either way one request could be answered with two texts, and
///   two AES-GCM encryptions under one key and nonce reveal what forges requests;
/// - a server key that is also an enrolled client's: whoever holds the server's private key could
///   pass as that client everywhere.
base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients);

}  // namespace pssst::server
