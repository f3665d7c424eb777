/// A service: a UDP port, a server key, a client policy and a handler.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/server.hpp"

namespace pssst::server {

class HandlerRuntime;

/// A reply that is longer than its request serves whoever sends requests under another's address,
/// to bury that one in replies: by default none is longer, and never more than three times as long.
inline constexpr unsigned kReplyLimitMin = 100;
inline constexpr unsigned kReplyLimitMax = 300;
/// 1.25 is 125 percent. Nothing: not within these limits, or no whole percent.
[[nodiscard]] std::optional<unsigned> reply_limit_percent(double factor) noexcept;

/// What only some handlers are told.
struct HandlerOptions {
  std::string library{};  ///< of `library`: the shared object's path
  /// Of `library`: names and values, for its init.
  std::vector<std::pair<std::string, std::string>> options{};
  /// Of `forward`: Unix datagram sockets of the backends, by path, or by name after an '@'.
  std::vector<std::string> backends{};
  std::chrono::milliseconds deadline{1000};  ///< of later replies
  std::size_t in_flight = 256;               ///< later replies awaited at once, at each worker

  bool operator==(const HandlerOptions&) const = default;
};

/// Messages of the types `first` to `last`, by their first byte, and who handles them.
struct MessageTypeSettings {
  std::uint8_t first = 0;
  std::uint8_t last = 0;
  std::string handler{};
  std::vector<std::uint8_t> reply{};  ///< the constant of `ack`
  HandlerOptions options{};

  bool operator==(const MessageTypeSettings&) const = default;
};

/// A service as the operator describes it.
struct ServiceSettings {
  std::string name{};  ///< of its counters; unique among the services
  std::uint16_t udp_port = 0;
  /// Destination addresses that it serves, numeric; empty: all of the server's that no other
  /// service at this UDP port names.
  std::vector<std::string> addresses{};
  std::string handler;                 ///< empty where there are types
  std::vector<std::string> key_files;  ///< each says its key's suite
  ClientPolicy policy = ClientPolicy::kOptional;
  std::vector<std::uint8_t> reply;     ///< the constant of `ack`
  std::optional<std::uint16_t> suite;  ///< every key must be of this one
  std::string label;                   ///< of the keys of suite 0xF002
  /// Two keys of suite 1: what the first does not open is tried with the second.
  bool try_second_key = false;
  unsigned reply_limit = kReplyLimitMin;  ///< percent of the request's datagram
  HandlerOptions options{};
  std::vector<MessageTypeSettings> types{};

  bool operator==(const ServiceSettings&) const = default;
};

/// IPv6, or IPv4 mapped into it, as net::Datagram has it.
using Address = std::array<std::uint8_t, 16>;

/// Numeric, IPv4 or IPv6.
[[nodiscard]] std::optional<Address> parse_address(const std::string& text);
[[nodiscard]] std::string to_string(const Address& address);

/// A service as workers see it. Immutable once it is part of a snapshot.
struct Service {
  std::string name{};
  std::uint16_t udp_port = 0;
  std::vector<Address> addresses{};  ///< destinations that it serves; empty: all that are left
  std::vector<ServerKey> keys;       ///< at least one
  /// It has two keys of suite 1, and what the first does not open is tried with the second.
  bool try_second_key = false;
  ClientPolicy policy = ClientPolicy::kOptional;
  std::shared_ptr<const Handler> handler;
  /// Percent of the request's datagram that the reply's may have. What is longer is dropped, so
  /// this decides whether an answer is given, and never which: it is no part of a suite 1 key's
  /// reply function.
  unsigned reply_limit = kReplyLimitMin;
  std::size_t index = 0;  ///< its place among the services
  // Given by the snapshot's CounterSlots:
  std::size_t slot = 0;                  ///< its counters' place at every worker
  std::vector<std::size_t> key_slots{};  ///< those of its keys' counters, in their order

  /// Whether a reply of so many bytes answers a request of so many, both whole datagrams.
  [[nodiscard]] bool may_reply(std::size_t request_size, std::size_t reply_size) const noexcept {
    return 100 * reply_size <= std::size_t{reply_limit} * request_size;
  }
  /// The key of suite 1 to try when the first has failed; null: there is none.
  [[nodiscard]] const ServerKey* second_key() const noexcept;
};

/// 1 to 64 letters, digits, '-', '_' and '.'; what else would be right says the other.
[[nodiscard]] bool is_service_name(std::string_view name) noexcept;
[[nodiscard]] std::string_view service_name_remedy() noexcept;

/// The key in one of the service's files; an Error if it is not of the service's suite.
base::Result<ServerKey> read_service_key(const ServiceSettings& settings,
                                         const std::string& key_file);
/// That a label has a key that takes it.
base::Result<void> check_label(const ServiceSettings& settings, std::span<const ServerKey> keys);
/// The service's name where the operator gave none.
[[nodiscard]] std::string default_service_name(std::uint16_t udp_port);
/// All of `settings` but its keys. Handlers that are not built in are attached to `runtime`
/// (handler_factory.hpp).
base::Result<Service> make_service_without_keys(const ServiceSettings& settings,
                                                HandlerRuntime* runtime = nullptr);

/// Reads the key files and makes the handlers, likewise; then check_services() is still to be
/// called.
base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings,
                                                 HandlerRuntime* runtime = nullptr);

/// What must not serve, and the part of a service that it concerns.
struct ServiceFault {
  std::size_t service = 0;  ///< index
  std::string_view part;    ///< as a configuration file calls it: "udp_port", "keys", ...
  std::size_t key = 0;      ///< index, if the part is "keys"
  base::Error error;
};

/// Finds what must not serve together:
/// - two services of one name, and two at one UDP port unless their addresses tell them apart;
/// - in one service two keys that requests do not tell apart: of suite 0xF002 with one kid, or of
///   suite 1, unless there are just two of these and the second is to be tried;
/// - one key in two suites;
/// - on suite 1 a handler whose reply is not a pure function of the request, and one server key in
///   two services that both reply: either way one request could be answered with two texts, and
///   two AES-GCM encryptions under one key and nonce reveal what forges requests;
/// - a handler that needs authenticated clients, where anonymous ones may call; a service whose
///   messages are typed needs clients only if it takes nobody else;
/// - a server key that is also an enrolled client's: whoever holds the server's private key could
///   pass as that client everywhere.
/// Of two services that do not fit it is the second that has the fault, one of them at most.
std::vector<ServiceFault> find_service_faults(std::span<const Service> services,
                                              const ClientLookup& clients);
/// The first of these.
base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients);

}  // namespace pssst::server
