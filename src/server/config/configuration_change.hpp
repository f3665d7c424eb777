/// What a reload changes.
#pragma once

#include <string>
#include <vector>

#include "server/config/configuration.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// One line for each setting in which `next` differs from `running` and that a running server
/// cannot change: "dpdk.queue_size: 1024 stays, 2048 needs a restart".
[[nodiscard]] std::vector<std::string> changes_that_need_restart(const Configuration& running,
                                                                 const Configuration& next);

/// `next`, but for the settings that a running server cannot change: those of `running`.
[[nodiscard]] Configuration without_restart_changes(const Configuration& running,
                                                    Configuration next);

/// A snapshot and the settings that it was made of.
struct Serving {
  const Configuration& configuration;
  const Snapshot& snapshot;
};

/// One line for each difference: services and keys that come, go or change, enrolled clients, and
/// settings that a running server can change. Keys are told apart by themselves, not by their
/// files.
[[nodiscard]] std::vector<std::string> describe_changes(const Serving& before,
                                                        const Serving& after);

}  // namespace pssst::server
