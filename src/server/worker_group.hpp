/// All workers of a server, started and stopped together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "server/config/configuration.hpp"
#include "server/published.hpp"
#include "server/report.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

class WorkerGroup {
 public:
  WorkerGroup() = default;
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;
  /// Stops the workers and closes their ports.
  virtual ~WorkerGroup() = default;

  /// Lets every worker finish its burst and answer what is queued, and waits for all of them. The
  /// counters stay.
  virtual void stop() noexcept = 0;
  /// Brings those counters up to date that the workers do not write themselves.
  virtual void refresh_counters() noexcept = 0;
  [[nodiscard]] virtual std::vector<WorkerSource> sources() const = 0;
  /// The port, for people: "kernel sockets at 0.0.0.0, ::".
  [[nodiscard]] virtual std::string describe_port() const = 0;
  [[nodiscard]] virtual std::string x25519_kernel() const = 0;
};

/// Starts one worker per CPU and returns when all of them serve; on failure none is left.
/// `snapshots` has one reader per CPU and must outlive the group.
base::Result<std::unique_ptr<WorkerGroup>> start_socket_workers(const Configuration& configuration,
                                                                const std::vector<unsigned>& cpus,
                                                                Published<Snapshot>& snapshots);
/// The same over DPDK. Fails in a build without it. `notify` gets a line when something happens on
/// the network, on a thread of the port's.
base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(
    const Configuration& configuration, const std::vector<unsigned>& cpus,
    Published<Snapshot>& snapshots, std::function<void(const std::string&)> notify);

}  // namespace pssst::server
