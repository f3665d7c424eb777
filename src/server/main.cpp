/// pssstd: the PSSST server.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/secret_memory.hpp"
#include "server/config/configuration_file.hpp"
#include "server/control/control_socket.hpp"
#include "server/http_server.hpp"
#include "server/log.hpp"
#include "server/options.hpp"
#include "server/privileges.hpp"
#include "server/report.hpp"
#include "server/running_server.hpp"
#include "server/service_manager.hpp"

namespace pssst::server {
namespace {

enum ExitStatus : int { kStopped = 0, kFailed = 1, kMisused = 2 };

/// How often the workers are looked at.
constexpr std::chrono::milliseconds kLookInterval{200};

void print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (!written) log_warning("could not write to standard output");
}

/// The signals that main waits for. Blocked before the first thread starts, so that every thread
/// inherits the mask and none is interrupted.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return signals;
}

void print_counters(RunningServer& server) {
  const Report report = server.report();
  print(server.counters_form() == CountersForm::kJson ? to_json(report) + '\n' : to_text(report));
}

/// 0: none came within `patience`.
int wait_for_signal(const sigset_t& signals, std::chrono::milliseconds patience) {
  const timespec limit{.tv_sec = patience.count() / 1000,
                       .tv_nsec = patience.count() % 1000 * 1'000'000};
  return std::max(sigtimedwait(&signals, nullptr, &limit), 0);
}

/// Returns when the server is to end.
void watch(const sigset_t& signals, RunningServer& server) {
  using Clock = RunningServer::Clock;
  const auto watchdog = watchdog_interval();
  Clock::time_point fed{};
  while (!server.is_drained()) {
    switch (wait_for_signal(signals, kLookInterval)) {
      case SIGTERM:
      case SIGINT:
        return;
      case SIGHUP:
        static_cast<void>(server.reload());  // which says itself what became of it
        break;
      case SIGUSR1:
        print_counters(server);
        break;
      default:
        break;
    }
    const Clock::time_point now = Clock::now();
    server.look(now);
    if (watchdog && now - fed >= *watchdog && server.all_advance(now)) {
      notify_watchdog();
      fed = now;
    }
  }
}

base::Result<std::unique_ptr<ControlSocket>> start_control(const Configuration& configuration,
                                                           RunningServer& server) {
  if (configuration.control.socket.empty()) return nullptr;
  return ControlSocket::start(configuration.control, configuration.privileges.user, server);
}

base::Result<std::unique_ptr<HttpServer>> start_http(const Configuration& configuration,
                                                     RunningServer& server) {
  if (configuration.metrics.listen.empty()) return nullptr;
  return HttpServer::start(configuration.metrics.listen, server);
}

base::Result<void> serve(const Configuration& configuration, ReadConfiguration read_again) {
  if (!base::disable_core_dumps()) {
    return base::fail("the kernel refuses to keep keys out of core dumps", "prctl PR_SET_DUMPABLE",
                      "do not forbid prctl and setrlimit to the server");
  }
  if (auto started = start_log(configuration.log); !started) return started;
  const sigset_t signals = block_signals();
  auto server = RunningServer::start(configuration, std::move(read_again));
  if (!server) return tl::unexpected(server.error());
  if (!base::all_secrets_locked()) {
    log_warning("keys could not be locked in memory and may reach swap: raise memlock (ulimit -l)");
  }
  auto control = start_control(configuration, **server);
  if (!control) return tl::unexpected(control.error());
  auto http = start_http(configuration, **server);
  if (!http) return tl::unexpected(http.error());
  auto telemetry = (*server)->answer_telemetry();
  if (!telemetry) return tl::unexpected(telemetry.error());
  const auto dropped = drop_privileges(configuration);
  if (!dropped) return tl::unexpected(dropped.error());
  log_info(*dropped);
  const std::string ready = (*server)->describe();
  log_info("ready: " + ready);
  notify_ready(ready);
  watch(signals, **server);
  notify_stopping();
  telemetry->reset();
  http->reset();
  control->reset();
  (*server)->stop();
  print_counters(**server);
  return {};
}

/// What it says now: the same each time, but for a file, which is read again.
tl::expected<Configuration, std::vector<std::string>> configuration_of(
    const CommandLine& command_line) {
  const auto* named = std::get_if<NamedConfiguration>(&command_line);
  if (named == nullptr) return std::get<Configuration>(command_line);
  auto read = read_configuration(named->path);
  if (read) return *std::move(read);
  std::vector<std::string> lines;
  for (const Fault& fault : read.error()) lines.push_back(to_string(fault));
  return tl::unexpected(std::move(lines));
}

int run(int argc, const char* const* argv) {
  const auto command_line = parse_command_line(argc, argv);
  if (!command_line) {
    log_error(command_line.error().to_string());
    return kMisused;
  }
  if (const auto* text = std::get_if<std::string>(&*command_line)) {
    print(*text);
    return kStopped;
  }
  const auto configuration = configuration_of(*command_line);
  if (!configuration) {
    for (const std::string& fault : configuration.error()) log_error(fault);
    return kMisused;
  }
  if (const auto served = serve(*configuration, [&] { return configuration_of(*command_line); });
      !served) {
    log_error(served.error().to_string());
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
    pssst::server::log_error(std::string("gave up: ") + error.what());
    return pssst::server::kFailed;
  }
}
