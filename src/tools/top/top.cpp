#include "tools/top/top.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/control/control_client.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"
#include "tools/top/screen.hpp"
#include "tools/top/terminal.hpp"

namespace pssst::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDescription =
    "Watch a running server: rates of requests, replies and drops, how busy each\n"
    "worker is, its services, keys, backends and network devices, and where a\n"
    "request's time goes. Press q to leave.\n\n"
    "LANES: requests in a burst. SELF-REQUEST: when the worker last answered its own\n"
    "request as it should. A key's per cent are its share of its service's requests.\n"
    "IN and OUT BYTE/S count UDP payload. LATER: what handlers answer after the\n"
    "burst; FULL, what as many were awaited for as may be. SOURCES: requests by\n"
    "what is known of their source prefixes; LIMITED, dropped since a prefix is over\n"
    "its rate, OVERRATE, admitted all the same. STORE: the clients that are enrolled.";

constexpr const char* kFooter = R"(Exit status:
  0  left, or --once has shown one screen
  1  no server there
  2  wrong command line

Examples:
  pssst top
  pssst top --once --interval 10 > rates)";

struct Arguments {
  std::string socket = "/run/pssst/control";
  double interval = 1;
  bool once = false;
};

base::Result<top::Sample> take_sample(const top::Ask& ask) {
  const auto stats = ask("stats --json");
  if (!stats) return tl::unexpected(stats.error());
  if (!stats->is_good) return base::fail(stats->text, "stats");
  const auto health = ask("health");
  if (!health) return tl::unexpected(health.error());
  return top::parse_sample(stats->text, health->is_good ? std::string_view() : health->text);
}

/// Samples and when they came.
class Watch {
 public:
  explicit Watch(const top::Ask& ask) : ask_(ask) {}

  /// The first sample.
  base::Result<void> start() {
    auto sample = take_sample(ask_);
    if (!sample) return tl::unexpected(sample.error());
    current_ = *std::move(sample);
    at_ = Clock::now();
    return {};
  }
  /// What has happened since the last one that there was.
  base::Result<std::vector<std::string>> next(const top::ScreenSize& size) {
    auto sample = take_sample(ask_);
    if (!sample) return tl::unexpected(sample.error());
    const Clock::time_point before = std::exchange(at_, Clock::now());
    const top::Sample previous = std::exchange(current_, *std::move(sample));
    return top::render(previous, current_, std::chrono::duration<double>(at_ - before).count(),
                       size);
  }

 private:
  const top::Ask& ask_;
  top::Sample current_;
  Clock::time_point at_;
};

/// For a file, or whatever else is no terminal.
constexpr top::ScreenSize kUnlimited{.width = 200, .height = 10'000};

base::Result<void> show_once(Watch& watch, double interval) {
  std::this_thread::sleep_for(std::chrono::duration<double>(interval));
  const auto lines = watch.next(kUnlimited);
  if (!lines) return tl::unexpected(lines.error());
  std::string text;
  for (const std::string& line : *lines) (text += line) += '\n';
  return write_all(STDOUT_FILENO, text);
}

/// A server that is away may come back.
base::Result<void> show(Watch& watch, double interval) {
  top::Terminal terminal;
  while (!terminal.wait(interval)) {
    auto lines = watch.next(top::terminal_size().value_or(top::ScreenSize{}));
    const std::vector<std::string> complaint{lines ? "" : lines.error().to_string()};
    if (auto drawn = terminal.draw(lines ? *lines : complaint); !drawn) return drawn;
  }
  return {};
}

int run(const Arguments& arguments) {
  const auto shown = top::watch(
      [&arguments](std::string_view request) {
        return server::ask_control(arguments.socket, request);
      },
      arguments.interval, arguments.once);
  return shown ? kExitOk : report("top", shown.error());
}

}  // namespace

base::Result<void> top::watch(const Ask& ask, double interval, bool once) {
  if (!once && !terminal_size()) {
    return base::fail("standard output is no terminal", {}, "use --once");
  }
  Watch watch(ask);
  if (auto started = watch.start(); !started) return started;
  return once ? show_once(watch, interval) : show(watch, interval);
}

Action configure_top(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("--socket", arguments->socket,
                 "The server's control socket. Default: /run/pssst/control.")
      ->type_name("PATH");
  app.add_option("--interval", arguments->interval,
                 "Seconds between two looks, 0.1 to 3600. Default: 1.")
      ->check(CLI::Range(0.1, 3600.0).description(""))
      ->type_name("SECONDS");
  app.add_flag("--once", arguments->once, "Show what happens in one interval, and end.");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
