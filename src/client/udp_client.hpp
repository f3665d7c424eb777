/// Calls to one server over UDP: kernel sockets, one call at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "client/connected_socket.hpp"
#include "client/endpoint.hpp"
#include "pssst/client.hpp"
#include "pssst/keys.hpp"

namespace pssst::client {

struct CallOptions {
  std::chrono::milliseconds timeout{1000};  ///< per try; above zero
  unsigned tries = 3;                       ///< at least one
  /// Zeros sealed behind the message, suite 0xF002 alone: some servers reply with no more bytes
  /// than the request had.
  std::size_t padding_size = 0;
};

/// How a call went.
struct CallReport {
  std::optional<std::vector<std::uint8_t>> reply;  ///< its message; unset: none came in time
  unsigned tries = 0;
  std::uint64_t bad_replies = 0;              ///< datagrams passed over
  ReplyFault last_fault = ReplyFault::kNone;  ///< what was wrong with the last of them
  int unreachable_errno = 0;                  ///< the last ICMP error (ECONNREFUSED, ...), 0: none
  /// From the first datagram sent to the good reply, or to the last deadline.
  std::chrono::nanoseconds elapsed{0};
};

/// A client of one server. Not thread-safe. Move-only.
class UdpClient {
 public:
  /// Resolves `host` (and blocks meanwhile). `key` null: anonymous; otherwise it is needed only for
  /// this call. No datagram is sent.
  [[nodiscard]] static base::Result<UdpClient> create(const std::string& host, std::uint16_t port,
                                                      AddressFamily family, const PublicKey& server,
                                                      const PrivateKey* key,
                                                      const KeyUse& use = {});

  /// The same, of a host whose addresses are known: at least one, called in this order.
  [[nodiscard]] static base::Result<UdpClient> create(std::vector<Endpoint> endpoints,
                                                      const PublicKey& server,
                                                      const PrivateKey* key,
                                                      const KeyUse& use = {});

  /// The longest message, padding included, that fits a datagram of kDatagramSizeMax, in bytes.
  [[nodiscard]] std::size_t message_size_max() const noexcept;

  /// Sends `message` and waits for its reply. Every try is a fresh request under a new ephemeral
  /// key, so tries cannot be linked by their bytes, and a late reply to an earlier one still
  /// counts. Bad replies are passed over: an attacker who races the server gains nothing. An ICMP
  /// error is no answer either, for anyone can forge it; but where the host has more addresses, the
  /// next one is tried at once. A call that nobody answers is no error: see CallReport.
  [[nodiscard]] base::Result<CallReport> call(std::span<const std::uint8_t> message,
                                              const CallOptions& options);

  /// Sends `message` once, without waiting for anything.
  [[nodiscard]] base::Result<void> send(std::span<const std::uint8_t> message,
                                        std::size_t padding_size = 0);

  /// The address called last, as text.
  [[nodiscard]] std::string address() const;

 private:
  struct Call;

  UdpClient(std::unique_ptr<Client> client, std::vector<Endpoint> endpoints, ConnectedSocket socket,
            std::size_t endpoint);
  [[nodiscard]] base::Result<void> send_fresh(Call& call);
  [[nodiscard]] base::Result<bool> run_try(Call& call, ConnectedSocket::TimePoint deadline);
  [[nodiscard]] base::Result<void> try_next_address(Call& call);
  [[nodiscard]] bool open_reply(Call& call, std::size_t size);

  std::unique_ptr<Client> client_;
  std::vector<Endpoint> endpoints_;
  ConnectedSocket socket_;
  std::size_t endpoint_;
  std::vector<std::uint8_t> datagram_;
  std::vector<std::uint8_t> message_;
};

}  // namespace pssst::client
