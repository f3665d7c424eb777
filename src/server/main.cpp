/// pssstd: the PSSST server.
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/secret_memory.hpp"
#include "server/cpus.hpp"
#include "server/options.hpp"
#include "server/privileges.hpp"
#include "server/published.hpp"
#include "server/report.hpp"
#include "server/snapshot.hpp"
#include "server/worker_group.hpp"

namespace pssst::server {
namespace {

enum ExitStatus : int { kStopped = 0, kFailed = 1, kMisused = 2 };

/// One line on standard error, whatever `text` holds.
void say(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  static_cast<void>(std::fprintf(stderr, "pssstd: %s\n", text.c_str()));
  static_cast<void>(std::fflush(stderr));
}

void print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (!written) say("warning: could not write to standard output");
}

std::string counted(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

/// The signals that main waits for. Blocked before the first thread starts, so that every thread
/// inherits the mask and none is interrupted.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return signals;
}

std::string describe_ready(const WorkerGroup& group, const Snapshot& snapshot) {
  std::string text = "ready: " + group.describe_port() + "; UDP ";
  for (const Service& service : snapshot.services()) {
    text += (service.index == 0 ? "" : ", ") + std::to_string(service.udp_port) + " " +
            std::string(service.handler->traits().name);
  }
  text += "; ";
  const auto sources = group.sources();
  text += counted(sources.size(), "worker") + " on CPU ";
  for (const WorkerSource& source : sources) {
    text += (&source == sources.data() ? "" : ",") + std::to_string(source.cpu);
  }
  text += "; X25519 kernel " + group.x25519_kernel();
  text += "; " + counted(snapshot.services().size(), "service");
  text += ", " + counted(snapshot.clients().size(), "client");
  return text;
}

void print_counters(WorkerGroup& group, const Snapshot& snapshot, CountersForm form) {
  group.refresh_counters();
  const Report report = collect_report(group.sources(), snapshot);
  print(form == CountersForm::kJson ? to_json(report) + '\n' : to_text(report));
}

void wait_for_stop(const sigset_t& signals, WorkerGroup& group, const Snapshot& snapshot,
                   CountersForm form) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGUSR1) return;
    print_counters(group, snapshot, form);
  }
}

base::Result<void> serve(const Configuration& configuration) {
  if (!base::disable_core_dumps()) {
    return base::fail("the kernel refuses to keep keys out of core dumps", "prctl PR_SET_DUMPABLE",
                      "do not forbid prctl and setrlimit to the server");
  }
  const sigset_t signals = block_signals();
  const auto cpus = choose_cpus(configuration.cpus);
  if (!cpus) return tl::unexpected(cpus.error());
  auto loaded = load_snapshot(configuration.services, configuration.clients_file);
  if (!loaded) return tl::unexpected(loaded.error());
  Published<Snapshot> snapshots(std::move(*loaded), cpus->size());
  const Snapshot& snapshot = snapshots.current();

  auto group = configuration.port == PortKind::kDpdk
                   ? start_dpdk_workers(configuration, *cpus, snapshots, say)
                   : start_socket_workers(configuration, *cpus, snapshots);
  if (!group) return tl::unexpected(group.error());
  if (!base::all_secrets_locked()) {
    say("warning: keys could not be locked in memory and may reach swap: raise memlock (ulimit "
        "-l)");
  }
  const auto dropped = drop_privileges(configuration);
  if (!dropped) return tl::unexpected(dropped.error());
  say(*dropped);
  say(describe_ready(**group, snapshot));
  wait_for_stop(signals, **group, snapshot, configuration.counters);
  (*group)->stop();
  print_counters(**group, snapshot, configuration.counters);
  return {};
}

int run(int argc, const char* const* argv) {
  const auto command_line = parse_command_line(argc, argv);
  if (!command_line) {
    say(command_line.error().to_string());
    return kMisused;
  }
  if (const auto* text = std::get_if<std::string>(&*command_line)) {
    print(*text);
    return kStopped;
  }
  if (const auto served = serve(std::get<Configuration>(*command_line)); !served) {
    say(served.error().to_string());
    return kFailed;
  }
  return kStopped;
}

}  // namespace
}  // namespace pssst::server

int main(int argc, char** argv) {
  try {
    return pssst::server::run(argc, argv);
  } catch (const std::exception& error) {
    pssst::server::say(std::string("gave up: ") + error.what());
    return pssst::server::kFailed;
  }
}
