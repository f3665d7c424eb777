#include "server/running_server.hpp"

#include <algorithm>
#include <utility>

#include "server/config/configuration_change.hpp"
#include "server/config/value_text.hpp"
#include "server/cpus.hpp"
#include "server/log.hpp"
#include "server/service_manager.hpp"

namespace pssst::server {

RunningServer::RunningServer(Configuration configuration, ReadConfiguration read_again)
    : configuration_(std::move(configuration)), read_again_(std::move(read_again)) {}

RunningServer::~RunningServer() {
  // Workers that were never started are not waited for when the clients change for the last time.
  if (workers_ == nullptr && snapshots_ != nullptr) {
    for (std::size_t i = 0; i < cpus_.size(); ++i) snapshots_->leave(i);
  }
}

base::Result<std::unique_ptr<RunningServer>> RunningServer::start(Configuration configuration,
                                                                  ReadConfiguration read_again) {
  std::unique_ptr<RunningServer> server(
      new RunningServer(std::move(configuration), std::move(read_again)));
  if (auto started = server->start_workers(); !started) return tl::unexpected(started.error());
  return server;
}

base::Result<void> RunningServer::start_workers() {
  auto cpus = choose_cpus(configuration_.cpus);
  if (!cpus) return tl::unexpected(cpus.error());
  cpus_ = *std::move(cpus);
  handlers_ = std::make_unique<HandlerRuntime>(cpus_, later_replies_of(configuration_));
  auto loaded = load_snapshot(configuration_, &slots_, handlers_.get());
  if (!loaded) return tl::unexpected(loaded.error());
  const auto functions = key_functions_of(configuration_.services, (*loaded)->services());
  if (!functions) return tl::unexpected(functions.error());
  replies_.add(*functions);
  snapshots_ = std::make_unique<Published<Snapshot>>(*std::move(loaded), cpus_.size());
  const auto clients = start_identities();
  if (!clients) return tl::unexpected(clients.error());
  auto group = configuration_.port == PortKind::kDpdk
                   ? start_dpdk_workers(configuration_, cpus_, *snapshots_, *handlers_, *clients)
                   : start_socket_workers(configuration_, cpus_, *snapshots_, *handlers_, *clients);
  if (!group) return tl::unexpected(group.error());
  workers_ = *std::move(group);
  monitor_.emplace(workers_->sources(), Clock::now());
  off_workers_.emplace(*handlers_);
  return {};
}

base::Result<WorkerClients> RunningServer::start_identities() {
  if (configuration_.identity.store.empty()) return WorkerClients{};
  const HandlerRuntime::OffWorkers off(*handlers_);
  auto started = Identities::start(configuration_.identity, snapshots_->readers());
  if (!started) return tl::unexpected(std::move(started.error()));
  identities_ = *std::move(started);
  const identity::FollowerStatus status = identities_->status();
  return WorkerClients{.directory = &identities_->directory(),
                       .expected = std::max(status.clients, status.records_expected)};
}

Report RunningServer::report() {
  const std::lock_guard lock(mutex_);
  Report report = collect_report(*workers_, snapshots_->current());
  report.generation = generation_;
  if (identities_ != nullptr) {
    report.store = identities_->status();
    report.clients = count_enrolled(*report.store);
  }
  return report;
}

base::Result<std::unique_ptr<TelemetryAnswers>> RunningServer::answer_telemetry() {
  return workers_->answer_telemetry(*this);
}

Health RunningServer::health() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  monitor_->look(now);
  Health health;
  health.problems = monitor_->problems(now);
  if (drain_) health.problems.emplace_back("draining");
  if (is_stopped_) health.problems.emplace_back("stopped");
  if (identities_ != nullptr && identities_->status().refusing) {
    health.problems.emplace_back("the table of clients is too old");
  }
  health.ready = health.problems.empty();
  return health;
}

ReloadOutcome RunningServer::reload() {
  notify_reloading();
  ReloadOutcome outcome = try_reload();
  for (const std::string& line : outcome.refused) log_error("reload refused: " + line);
  for (const std::string& line : outcome.applied) log_info("reload: " + line);
  for (const std::string& line : outcome.needs_restart) {
    log_warning("reload: needs a restart: " + line);
  }
  if (outcome.refused.empty() && outcome.applied.empty() && outcome.needs_restart.empty()) {
    log_info("reload: nothing has changed");
  }
  notify_ready(describe());
  return outcome;
}

ReloadOutcome RunningServer::try_reload() {
  const std::lock_guard one_at_a_time(reload_mutex_);
  auto next = read_again_();
  if (!next) return {.refused = std::move(next.error())};
  if (is_stopped_) return {.refused = {"the server is stopping"}};
  return apply(*std::move(next));
}

ReloadOutcome RunningServer::apply(Configuration next) {
  ReloadOutcome outcome;
  outcome.needs_restart = changes_that_need_restart(configuration_, next);
  next = without_restart_changes(configuration_, std::move(next));
  auto loaded = load_snapshot(next, &slots_, handlers_.get());
  if (!loaded) {
    // The places that it had begun to give out.
    static_cast<void>(slots_.free_all_but(snapshots_->current().services()));
    return {.refused = {loaded.error().to_string()}};
  }
  outcome.applied = describe_changes({configuration_, snapshots_->current()}, {next, **loaded});
  if (auto published = publish(*std::move(loaded), std::move(next)); !published) {
    return {.refused = {published.error().to_string()}};
  }
  set_log_level(configuration_.log.level);
  return outcome;
}

/// On failure the places that its services and keys were given are free again.
base::Result<void> RunningServer::publish(std::unique_ptr<const Snapshot> snapshot,
                                          Configuration next) {
  const std::vector<std::uint16_t> udp_ports = udp_ports_of(next);
  const auto functions = key_functions_of(next.services, snapshot->services());
  base::Result<void> ready;
  if (!functions) ready = tl::unexpected(functions.error());
  if (ready) ready = replies_.check(*functions);
  if (ready) ready = workers_->open_udp_ports(udp_ports);
  if (!ready) {
    static_cast<void>(slots_.free_all_but(snapshots_->current().services()));
    return ready;
  }
  replies_.add(*functions);
  std::unique_lock lock(mutex_);
  snapshots_->publish(std::move(snapshot));
  configuration_ = std::move(next);
  ++generation_;
  // No worker knows the services and keys any more that are gone.
  workers_->clear_counters(slots_.free_all_but(snapshots_->current().services()));
  lock.unlock();
  if (auto closed = workers_->close_udp_ports_except(udp_ports); !closed) {
    log_warning("UDP ports that nobody serves are still open: " + closed.error().to_string());
  }
  return {};
}

std::uint64_t RunningServer::count_datagrams() {
  std::uint64_t datagrams = 0;
  for (const WorkerSource& source : workers_->sources()) datagrams += source.port->datagrams.read();
  return datagrams;
}

std::chrono::seconds RunningServer::drain(std::optional<std::chrono::seconds> deadline) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (!drain_) {
    drain_ = Drain{.deadline = {}, .datagrams = count_datagrams(), .last_datagram = now};
  }
  const std::chrono::seconds limit = deadline.value_or(configuration_.drain.deadline);
  drain_->deadline = now + limit;
  log_info("draining: not ready from now on, serving for up to " + std::to_string(limit.count()) +
           " s");
  return limit;
}

void RunningServer::look_at_drain(Clock::time_point now) {
  if (!drain_ || drain_->is_over) return;
  const std::uint64_t datagrams = count_datagrams();
  if (datagrams != drain_->datagrams) {
    drain_->datagrams = datagrams;
    drain_->last_datagram = now;
  }
  const bool ebbed = now - drain_->last_datagram >= configuration_.drain.quiet;
  drain_->is_over = ebbed || now >= drain_->deadline;
  if (drain_->is_over) {
    log_info(ebbed ? "drained: traffic has ebbed" : "drained: the deadline is over");
  }
}

void RunningServer::look(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  monitor_->look(now);
  look_at_drain(now);
  if (identities_ != nullptr) identities_->look();
  const std::vector<std::string> problems = monitor_->problems(now);
  if (problems.empty() != was_well_ && now - started_ > HealthMonitor::kLoopAgeMax) {
    was_well_ = problems.empty();
    if (was_well_) log_info("all workers are well again");
    for (const std::string& problem : problems) log_error(problem);
  }
}

bool RunningServer::all_advance(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  return monitor_->all_advance(now);
}

bool RunningServer::is_drained() {
  const std::lock_guard lock(mutex_);
  return drain_ && drain_->is_over;
}

std::string RunningServer::describe() {
  const std::lock_guard lock(mutex_);
  const Snapshot& snapshot = snapshots_->current();
  std::string text = workers_->describe_port() + "; UDP ";
  for (const Service& service : snapshot.services()) {
    text += (service.index == 0 ? "" : ", ") + std::to_string(service.udp_port) + " " +
            std::string(service.handler->traits().name);
  }
  text += "; " + counted(cpus_.size(), "worker") + " on CPU ";
  for (const unsigned& cpu : cpus_) {
    text += (&cpu == cpus_.data() ? "" : ",") + std::to_string(cpu);
  }
  text += "; X25519 kernel " + workers_->x25519_kernel();
  text += "; " + counted(snapshot.services().size(), "service");
  const std::size_t clients =
      identities_ == nullptr ? snapshot.clients().size() : count_enrolled(identities_->status());
  text += ", " + counted(clients, "client");
  return text;
}

CountersForm RunningServer::counters_form() {
  const std::lock_guard lock(mutex_);
  return configuration_.counters;
}

void RunningServer::stop() {
  const std::scoped_lock lock(reload_mutex_, mutex_);
  is_stopped_ = true;
  workers_->stop();
}

}  // namespace pssst::server
