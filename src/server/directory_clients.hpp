/// The clients of a directory, as a worker asks for them.
#pragma once

#include <cstddef>
#include <span>

#include "identity/client_directory.hpp"
#include "pssst/server.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// All but those whose key is a server's, who are unknown: whoever holds that server's private key
/// could pass as the client everywhere. A list of clients is checked for that when it is read; a
/// store changes while it is served.
class DirectoryClients final : public ClientLookup {
 public:
  /// For one burst: both outlive it.
  DirectoryClients(const identity::ClientDirectory& directory, const Snapshot& snapshot) noexcept
      : directory_(directory), snapshot_(snapshot) {}

  void find(std::span<const std::uint8_t* const> keys,
            std::span<FoundClient> found) const noexcept override {
    directory_.find(keys, found);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (found[i].drop == DropReason::kNone &&
          snapshot_.is_server_key(found[i].identity.public_key)) {
        found[i] = FoundClient{};
      }
    }
  }

 private:
  const identity::ClientDirectory& directory_;
  const Snapshot& snapshot_;
};

}  // namespace pssst::server
