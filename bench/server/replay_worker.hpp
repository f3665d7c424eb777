/// A worker between memory and memory, at full load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/frame.hpp"
#include "pssst/client.hpp"
#include "pssst/keys.hpp"
#include "server/published.hpp"
#include "server/replay_port.hpp"
#include "server/snapshot.hpp"
#include "server/worker.hpp"

namespace pssst::bench {

/// What the requests are.
struct Load {
  bool authenticated = false;
  std::size_t message_size = 64;
};

/// How a worker is protected.
struct Guard {
  server::Protection protection{};
  server::ProtectionMemory memory{};
};

/// One request of each client.
struct Requests {
  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<PendingRequest> pending;
};

/// One echo service's key, and its clients with theirs. Not thread-safe.
class Population {
 public:
  explicit Population(std::size_t clients, std::uint16_t suite = kSuite1);

  [[nodiscard]] std::size_t size() const noexcept { return client_keys_.size(); }
  /// In frames to kOurMac and kOurIp; every client has a source address of its own.
  [[nodiscard]] Requests make_requests(const Load& load) const;
  /// Whether `datagram` is the right reply to the client's request, which then is settled.
  [[nodiscard]] bool is_answer(const Load& load, std::size_t client,
                               std::span<const std::uint8_t> datagram,
                               PendingRequest& pending) const;
  [[nodiscard]] std::unique_ptr<const server::Snapshot> make_snapshot(
      server::Protection protection = {}) const;
  /// At kOurUdpPort; its index is still to be set where it is not alone.
  [[nodiscard]] server::Service make_service(std::shared_ptr<const Handler> handler) const;
  /// The X25519 keys that the requests carry.
  [[nodiscard]] const PrivateKey& server_key() const noexcept { return server_key_; }

 private:
  [[nodiscard]] Client& client_of(const Load& load, std::size_t client) const;

  std::uint16_t suite_;
  PrivateKey server_key_;
  std::vector<PrivateKey> client_keys_;
  std::vector<std::unique_ptr<Client>> authenticated_;
  std::unique_ptr<Client> anonymous_;
};

/// Created on the thread that polls it.
class ReplayWorker {
 public:
  /// `kernel`: by name, or empty for the best. Everything that is made for clients that come again
  /// is made, and each client's reply was found right once; aborts if one is not.
  ReplayWorker(const Population& population, const Load& load, const std::string& kernel,
               const Guard& guard = {});

  /// Answers one full burst: burst_limit() requests, of which once a second one is the worker's
  /// own. Aborts if anything was dropped, or a burst not full: then the figure would mean
  /// something else.
  void answer_burst();
  [[nodiscard]] std::size_t burst_limit() const noexcept { return worker_->burst_limit(); }
  [[nodiscard]] std::string_view x25519_kernel() const noexcept { return worker_->x25519_kernel(); }
  /// Requests so far whose client's static secret had to be multiplied.
  [[nodiscard]] std::uint64_t static_secrets_multiplied() const noexcept {
    return worker_->counters().static_secrets_multiplied.read();
  }

 private:
  ReplayWorker(const Population& population, const Load& load, const std::string& kernel,
               const Guard& guard, Requests requests);
  void verify_answers(const Population& population, const Load& load,
                      std::vector<PendingRequest>& pending);

  ReplayPort port_;
  server::Published<server::Snapshot> snapshots_;
  std::unique_ptr<server::Worker<ReplayPort>> worker_;
};

}  // namespace pssst::bench
