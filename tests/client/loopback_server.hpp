/// A small PSSST server on the loopback interface, in a thread, that misbehaves as told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "client/endpoint.hpp"
#include "pssst/keys.hpp"
#include "pssst/server.hpp"

namespace pssst::test {

using Bytes = std::vector<std::uint8_t>;

class LoopbackServer {
 public:
  /// What to send back for the datagram that has just come: any number of datagrams. `received`
  /// holds all that have come, that one last. Called in the server's thread.
  using Behaviour =
      std::function<std::vector<Bytes>(SingleServer& server, const std::vector<Bytes>& received)>;

  /// `address` a literal one; the UDP port is the kernel's choice. `client`, if given, is enrolled.
  LoopbackServer(const char* address, Behaviour behaviour, const PublicKey* client = nullptr);
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer();

  [[nodiscard]] const client::Endpoint& endpoint() const noexcept { return endpoint_; }
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] const PublicKey& public_key() const noexcept { return key_.public_key(); }
  /// All datagrams so far.
  [[nodiscard]] std::vector<Bytes> received() const;
  /// The same, once there are `count` of them; fewer after two seconds.
  [[nodiscard]] std::vector<Bytes> wait_for(std::size_t count) const;
  /// Sends to whoever called last.
  void send(std::span<const std::uint8_t> datagram) const;

 private:
  class Lookup final : public ClientLookup {
   public:
    void find(std::span<const std::uint8_t* const> keys,
              std::span<FoundClient> found) const noexcept override;
    Identity client;
    bool enrolled = false;
  };

  void run();

  ServerKey key_;
  Lookup lookup_;
  std::unique_ptr<SingleServer> server_;
  Behaviour behaviour_;
  client::Endpoint endpoint_;
  client::Endpoint caller_;
  int socket_ = -1;
  int stop_pipe_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::vector<Bytes> received_;
  std::thread thread_;
};

/// The reply to `datagram` that says its message again; aborts if it does not open.
Bytes echo(SingleServer& server, std::span<const std::uint8_t> datagram);

/// Whether a socket can be bound to ::1.
bool has_ipv6();

/// A UDP port at `address` at which nobody listens.
client::Endpoint closed_endpoint(const char* address);

}  // namespace pssst::test
