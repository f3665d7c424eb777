/// The secrets X25519(s, C) of enrolled clients, computed while a worker has nothing else to do.
#pragma once

#include <cstddef>

#include "pssst/server.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// Secrets that a worker of this snapshot should have room for: twice as many as there are pairs of
/// a suite 0xF002 key and an enrolled client, but kStaticSecretsDefault at least and 2^18 at most;
/// 1024 if there is no such key, for one may come with the next snapshot.
[[nodiscard]] std::size_t static_secrets_wanted(const Snapshot& snapshot) noexcept;

/// Walks through all pairs of a suite 0xF002 key and an enrolled client, once for each snapshot and
/// no further than the processor has room.
class ClientPreparation {
 public:
  /// Clients a step: one multiplication of so many lanes is what a request may have to wait for.
  static constexpr std::size_t kStep = 8;

  /// True, and the walk begins anew, if it is another snapshot than the one before. The first is
  /// not another.
  bool start(const Snapshot& snapshot) noexcept;

  /// Prepares the next few clients. False if all are done.
  bool step(RequestProcessor& processor) noexcept;

 private:
  /// To the next key of suite 0xF002 at or behind the current place.
  [[nodiscard]] const ServerKey* find_key() noexcept;

  const Snapshot* snapshot_ = nullptr;
  std::size_t service_ = 0;
  std::size_t key_ = 0;
  std::size_t client_ = 0;
  std::size_t prepared_ = 0;
};

}  // namespace pssst::server
