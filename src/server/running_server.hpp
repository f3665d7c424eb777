/// A server at work: its workers, what they serve, and everything that may be asked of it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "server/appliance.hpp"
#include "server/config/configuration.hpp"
#include "server/config/reply_memory.hpp"
#include "server/counter_slots.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/health_monitor.hpp"
#include "server/identities.hpp"
#include "server/published.hpp"
#include "server/snapshot.hpp"
#include "server/worker_group.hpp"

namespace pssst::server {

/// What the configuration says now; or what is wrong with it, one line each.
using ReadConfiguration = std::function<tl::expected<Configuration, std::vector<std::string>>()>;

class RunningServer final : public Appliance {
 public:
  using Clock = std::chrono::steady_clock;

  /// Loads what the configuration names and starts the workers; returns when all of them serve.
  static base::Result<std::unique_ptr<RunningServer>> start(Configuration configuration,
                                                            ReadConfiguration read_again);
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() override;

  [[nodiscard]] Report report() override;
  [[nodiscard]] Health health() override;
  [[nodiscard]] ReloadOutcome reload() override;
  std::chrono::seconds drain(std::optional<std::chrono::seconds> deadline) override;

  /// As WorkerGroup has it.
  base::Result<std::unique_ptr<TelemetryAnswers>> answer_telemetry();
  /// One line: ports, services, workers, clients.
  [[nodiscard]] std::string describe();
  [[nodiscard]] CountersForm counters_form();

  /// Watches the workers and a drain. To be called several times a second.
  void look(Clock::time_point now);
  /// Every worker has turned its loop lately.
  [[nodiscard]] bool all_advance(Clock::time_point now);
  /// A drain has come to its end: traffic has ebbed, or its deadline is over.
  [[nodiscard]] bool is_drained();

  /// Answers what is queued and ends the workers. Their counters can still be read. Nothing is
  /// reloaded from then on.
  void stop();

 private:
  struct Drain {
    Clock::time_point deadline;
    std::uint64_t datagrams = 0;  ///< at the last look
    Clock::time_point last_datagram;
    bool is_over = false;
  };

  RunningServer(Configuration configuration, ReadConfiguration read_again);

  base::Result<void> start_workers();
  base::Result<WorkerClients> start_identities();
  ReloadOutcome try_reload();
  ReloadOutcome apply(Configuration next);
  base::Result<void> publish(std::unique_ptr<const Snapshot> snapshot, Configuration next);
  [[nodiscard]] std::uint64_t count_datagrams();
  void look_at_drain(Clock::time_point now);

  /// Held through a whole reload. What is marked (reload) is the reload's alone, and what a reload
  /// changes of the rest it changes under mutex_ too: reports and health do not wait for files.
  std::mutex reload_mutex_;
  std::mutex mutex_;
  Configuration configuration_;
  const ReadConfiguration read_again_;
  std::vector<unsigned> cpus_;
  CounterSlots slots_;                        ///< (reload)
  ReplyMemory replies_;                       ///< (reload)
  std::unique_ptr<HandlerRuntime> handlers_;  ///< must end after the snapshots
  /// Once they run, whatever this thread does, and every thread that it starts, leaves workers
  /// their CPUs.
  std::optional<HandlerRuntime::OffWorkers> off_workers_;
  std::unique_ptr<Published<Snapshot>> snapshots_;
  std::unique_ptr<Identities> identities_;  ///< of the store; must end before the snapshots
  std::unique_ptr<WorkerGroup> workers_;    ///< must end before both
  std::optional<HealthMonitor> monitor_;
  std::optional<Drain> drain_;
  std::uint64_t generation_ = 1;
  bool is_stopped_ = false;
  const Clock::time_point started_ = Clock::now();
  bool was_well_ = true;  ///< at the last look
};

}  // namespace pssst::server
