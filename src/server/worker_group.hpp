/// All workers of a server, started and stopped together.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "identity/client_directory.hpp"
#include "server/config/configuration.hpp"
#include "server/counter_slots.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/published.hpp"
#include "server/report.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

class Appliance;

/// Answers DPDK's telemetry as long as it lives.
class TelemetryAnswers {
 public:
  TelemetryAnswers() = default;
  TelemetryAnswers(const TelemetryAnswers&) = delete;
  TelemetryAnswers& operator=(const TelemetryAnswers&) = delete;
  virtual ~TelemetryAnswers() = default;
};

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
  /// Opens those of these UDP ports that are not open yet, at every worker, before a snapshot that
  /// serves them is published. On failure none is.
  virtual base::Result<void> open_udp_ports(std::span<const std::uint16_t> udp_ports) = 0;
  /// Closes all others, after a snapshot without them was published.
  virtual base::Result<void> close_udp_ports_except(std::span<const std::uint16_t> udp_ports) = 0;
  /// Zeroes places of services and keys that no worker uses any more.
  virtual void clear_counters(const CounterSlots::Freed& freed) noexcept = 0;
  /// Brings those counters up to date that the workers do not write themselves.
  virtual void refresh_counters() noexcept = 0;
  [[nodiscard]] virtual std::vector<WorkerSource> sources() const = 0;
  /// The port, for people: "kernel sockets at 0.0.0.0, ::".
  [[nodiscard]] virtual std::string describe_port() const = 0;
  [[nodiscard]] virtual std::string x25519_kernel() const = 0;
  /// What the network devices count, the ports' own; kernel sockets have none.
  [[nodiscard]] virtual std::vector<DeviceStatistics> device_statistics() const { return {}; }
  /// From `appliance` (telemetry_commands.hpp), which must outlive what is returned; who destroys
  /// that holds no lock of the appliance. Null: there is no DPDK, or its telemetry is off.
  [[nodiscard]] virtual base::Result<std::unique_ptr<TelemetryAnswers>> answer_telemetry(
      Appliance& /*appliance*/) {
    return nullptr;
  }
};

/// All that a report has but `generation`.
[[nodiscard]] inline Report collect_report(WorkerGroup& group, const Snapshot& snapshot) {
  group.refresh_counters();
  Report report = collect_report(group.sources(), snapshot);
  report.devices = group.device_statistics();
  report.x25519_kernel = group.x25519_kernel();
  return report;
}

/// Whom the workers serve, if not the clients of their snapshots.
struct WorkerClients {
  const identity::ClientDirectory* directory = nullptr;  ///< outlives the group
  std::size_t expected = 0;                              ///< so many, and more may come
};

/// Starts one worker per CPU and returns when all of them serve; on failure none is left.
/// `snapshots` has one reader per CPU, `handlers` was made for these CPUs; both must outlive the
/// group.
base::Result<std::unique_ptr<WorkerGroup>> start_socket_workers(const Configuration& configuration,
                                                                const std::vector<unsigned>& cpus,
                                                                Published<Snapshot>& snapshots,
                                                                HandlerRuntime& handlers,
                                                                const WorkerClients& clients = {});
/// The same over DPDK. Fails in a build without it.
base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(const Configuration& configuration,
                                                              const std::vector<unsigned>& cpus,
                                                              Published<Snapshot>& snapshots,
                                                              HandlerRuntime& handlers,
                                                              const WorkerClients& clients = {});

}  // namespace pssst::server
