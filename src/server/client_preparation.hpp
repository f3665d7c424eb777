/// The secrets X25519(s, C) of enrolled clients, computed while a worker has nothing else to do.
#pragma once

#include <cstddef>
#include <span>

#include "identity/client_directory.hpp"
#include "pssst/server.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// Secrets that a worker of this snapshot should have room for: twice as many as there are pairs of
/// a suite 0xF002 key and one of `clients`, but kStaticSecretsDefault at least and 2^18 at most;
/// 1024 if there is no such key, for one may come with the next snapshot.
[[nodiscard]] std::size_t static_secrets_wanted(const Snapshot& snapshot,
                                                std::size_t clients) noexcept;

/// Walks through all pairs of a suite 0xF002 key and an enrolled client, once for each snapshot and
/// no further than the processor has room.
class ClientPreparation {
 public:
  /// Clients a step: one multiplication of so many lanes is what a request may have to wait for.
  static constexpr std::size_t kStep = 8;

  /// True, and the walk begins anew, if it is another snapshot than the one before. The first is
  /// not another. `directory`: whose clients; null: the snapshot's.
  bool start(const Snapshot& snapshot,
             const identity::ClientDirectory* directory = nullptr) noexcept;

  /// Prepares the next few clients. False if all are done, or nobody is served.
  bool step(RequestProcessor& processor) noexcept;

 private:
  /// To the next key of suite 0xF002 at or behind the current place.
  [[nodiscard]] const ServerKey* find_key() noexcept;

  /// The next clients of the current key, none if they are to be looked for further; at the end of
  /// all, to the first for the next key.
  std::size_t next_clients(std::span<Identity, kStep> clients) noexcept;

  const Snapshot* snapshot_ = nullptr;
  std::uint64_t serial_ = 0;  ///< of that snapshot
  const identity::ClientDirectory* directory_ = nullptr;
  identity::ClientDirectory::Cursor cursor_;
  std::size_t service_ = 0;
  std::size_t key_ = 0;
  std::size_t client_ = 0;
  std::size_t prepared_ = 0;
};

}  // namespace pssst::server
