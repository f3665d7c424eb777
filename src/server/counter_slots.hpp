/// Which place among a worker's counters a service or a server key has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/keys.hpp"
#include "server/config/service.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {

/// Kept by whoever publishes snapshots: a service keeps its place by its name, a key by its public
/// key, from snapshot to snapshot, so that their counters go on.
class CounterSlots {
 public:
  /// Sets slot and key_slots of all these services. Fails if there are more than kServicesMax
  /// services or kServerKeysMax keys, those still counted that are about to go.
  base::Result<void> assign(std::span<Service> services);

  struct Freed {
    std::vector<std::size_t> services;
    std::vector<std::size_t> keys;
  };
  /// Frees the places of what is not among `services`. They are to be zeroed in every worker's
  /// counters before the next assign(); call it when no worker uses another snapshot any more.
  Freed free_all_but(std::span<const Service> services);

 private:
  std::array<std::optional<std::string>, telemetry::kServicesMax> services_;
  std::array<std::optional<PublicKey>, telemetry::kServerKeysMax> keys_;
};

}  // namespace pssst::server
