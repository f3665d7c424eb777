/// A worker between memory and memory, at full load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

/// One echo service's key, and its clients with theirs. Not thread-safe.
class Population {
 public:
  explicit Population(std::size_t clients);

  [[nodiscard]] std::size_t size() const noexcept { return client_keys_.size(); }
  /// One request of each client, in frames to kOurMac and kOurIp; every client has a source address
  /// of its own.
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> make_frames(const Load& load) const;
  [[nodiscard]] std::unique_ptr<const server::Snapshot> make_snapshot() const;
  /// The X25519 keys that the requests carry.
  [[nodiscard]] const PrivateKey& server_key() const noexcept { return server_key_; }

 private:
  PrivateKey server_key_;
  std::vector<PrivateKey> client_keys_;
  std::vector<std::unique_ptr<Client>> authenticated_;
  std::unique_ptr<Client> anonymous_;
};

/// Created on the thread that polls it.
class ReplayWorker {
 public:
  /// `kernel`: by name, or empty for the best.
  ReplayWorker(const Population& population, const Load& load, const std::string& kernel);

  /// Answers one full burst: burst_limit() requests. Aborts if anything was dropped, or a burst not
  /// full: then the figure would mean something else.
  void answer_burst();
  [[nodiscard]] std::size_t burst_limit() const noexcept { return worker_->burst_limit(); }
  [[nodiscard]] std::string_view x25519_kernel() const noexcept { return worker_->x25519_kernel(); }

 private:
  ReplayPort port_;
  server::Published<server::Snapshot> snapshots_;
  std::unique_ptr<server::Worker<ReplayPort>> worker_;
};

}  // namespace pssst::bench
