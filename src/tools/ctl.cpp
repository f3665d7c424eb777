#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "server/control/control_client.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Tell a running server what to do, or ask it.\n\n"
    "COMMAND:\n"
    "  stats    its counters\n"
    "  keys     its keys, their share of the traffic, and when each was used last\n"
    "  health   whether it is ready, or why not\n"
    "  reload   read the configuration and the key files again\n"
    "  drain    be not ready from now on, and end when traffic has ebbed or after SECONDS";

constexpr const char* kFooter = R"(Exit status:
  0  done; ready
  1  refused, nothing changed; not ready; no server there
  2  wrong command line

Examples:
  pssst ctl keys
  pssst ctl stats --json | jq .total
  pssst ctl reload && pssst ctl health
  pssst ctl drain 60)";

struct Arguments {
  std::string command;
  std::string seconds;
  std::string socket = "/run/pssst/control";
  bool json = false;
};

int misused(const std::string& what) {
  print_note("pssst ctl: " + what + "; see `pssst ctl --help`");
  return kExitUsage;
}

int ctl(const Arguments& arguments) {
  const bool has_json = arguments.command == "stats" || arguments.command == "keys";
  if (arguments.json && !has_json) return misused("--json belongs to stats and keys");
  if (!arguments.seconds.empty() && arguments.command != "drain") {
    return misused("SECONDS belongs to drain");
  }
  std::string request = arguments.command;
  if (arguments.json) request += " --json";
  if (!arguments.seconds.empty()) request += " " + arguments.seconds;
  const auto answer = server::ask_control(arguments.socket, request);
  if (!answer) return report("ctl", answer.error());
  const auto written = write_all(answer->is_good ? STDOUT_FILENO : STDERR_FILENO, answer->text);
  if (!written) return report("ctl", written.error());
  return answer->is_good ? kExitOk : kExitError;
}

}  // namespace

Action configure_ctl(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("COMMAND", arguments->command, "stats, keys, health, reload or drain.")
      ->required()
      ->check(CLI::IsMember({"stats", "keys", "health", "reload", "drain"}).description(""));
  app.add_option("SECONDS", arguments->seconds,
                 "drain: serve so long at most. Default: as configured.")
      ->check(CLI::Range(0U, 86400U).description(""));
  app.add_option("--socket", arguments->socket,
                 "The server's control socket. Default: /run/pssst/control.")
      ->type_name("PATH");
  app.add_flag("--json", arguments->json, "stats, keys: JSON on one line.");
  return [arguments] { return ctl(*arguments); };
}

}  // namespace pssst::tools
