/// What DPDK's telemetry can be asked about a server.
#pragma once

#include <vector>

#include "net/dpdk_telemetry.hpp"
#include "server/appliance.hpp"

namespace pssst::server {

/// Their answers ask `appliance`, which must outlive them:
///
///     /pssst/stats      the counters of all workers added up; drops by reason, those that happened
///     /pssst/services   one object a service, by its place: "0", "1", ...
///     /pssst/health     "ready", and why not
[[nodiscard]] std::vector<net::TelemetryCommand> telemetry_commands(Appliance& appliance);

}  // namespace pssst::server
