#include "tools/cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include "base/help_formatter.hpp"
#include "base/secret_memory.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

struct Subcommand {
  const char* name;
  Action (*configure)(CLI::App& app);
  std::span<const Subcommand> below{};
};

constexpr std::array kIdentity{
    Subcommand{"enrol", configure_identity_enrol},
    Subcommand{"revoke", configure_identity_revoke},
    Subcommand{"show", configure_identity_show},
    Subcommand{"list", configure_identity_list},
    Subcommand{"import", configure_identity_import},
    Subcommand{"export", configure_identity_export},
};

constexpr std::array kSubcommands{
    Subcommand{"genkey", configure_genkey},
    Subcommand{"pubkey", configure_pubkey},
    Subcommand{"identity", configure_identity, kIdentity},
    Subcommand{"call", configure_call},
    Subcommand{"load", configure_load},
    Subcommand{"compat", configure_compat},
    Subcommand{"check", configure_check},
    Subcommand{"ctl", configure_ctl},
    Subcommand{"top", configure_top},
};

constexpr const char* kVersionText = "pssst " PSSST_VERSION;

constexpr const char* kDescription =
    "Keys, calls and checks for PSSST: one sealed UDP datagram each way.\n\n"
    "`pssst SUBCOMMAND --help` tells more about each subcommand.";

constexpr const char* kFooter = R"(Exit status:
  0  done: the key was printed, the call was answered, the peer checked out
  1  error: bad key, unknown host, broken peer, bad configuration
  2  wrong command line
  3  no good reply in time

Examples:
  umask 077
  pssst genkey > server.key
  pssst pubkey < server.key > server.pub
  pssst call 192.0.2.1 7700 'good morning' --server server.pub)";

int complain(const std::string& command, const std::string& what) {
  print_note(command + ": " + what + "; see `" + command + " --help`");
  return kExitUsage;
}

void add_common_options(CLI::App& app) {
  app.formatter(std::make_shared<base::HelpFormatter>());
  app.set_help_flag("-h,--help", "Print this help and exit.");
  app.set_version_flag("--version", kVersionText, "Print the version and exit.");
}

/// Parses, and runs the action if there is one and nothing but it was asked for.
int parse_and_run(CLI::App& app, int argc, char** argv, const Action& action) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : complain(app.get_name(), error.what());
  }
  return action ? action() : complain(app.get_name(), "a subcommand is missing");
}

/// A command without those below it. Where there are some: help, version, or a complaint.
int run_alone(const std::string& name, const Subcommand& command, int argc, char** argv) {
  CLI::App app("", name);
  add_common_options(app);
  const Action action = command.configure(app);
  for (const Subcommand& subcommand : command.below) {
    subcommand.configure(*app.add_subcommand(subcommand.name));
  }
  return parse_and_run(app, argc, argv, action);
}

Action configure_pssst(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return nullptr;
}

/// Subcommands are parsed as programs of their own: as an App's subcommand, CLI11 would take a
/// message "++" for the end of its arguments.
int dispatch(int argc, char** argv) {
  std::string path = "pssst";
  Subcommand command{"pssst", configure_pssst, kSubcommands};
  while (!command.below.empty() && argc >= 2 && argv[1][0] != '-') {
    const std::string name = argv[1];
    const auto found = std::ranges::find(command.below, name, &Subcommand::name);
    if (found == command.below.end()) {
      return complain(path, "there is no subcommand '" + name + "'");
    }
    command = *found;
    path += " " + name;
    --argc;
    ++argv;
  }
  return run_alone(path, command, argc, argv);
}

}  // namespace

int run_command(int argc, char** argv) {
  // Nearly every subcommand holds a private key at some time; it must not end in a core dump.
  if (!base::disable_core_dumps()) {
    print_note("pssst: warning: the kernel would not switch core dumps off");
  }
  try {
    return dispatch(argc, argv);
  } catch (const std::exception& exception) {
    print_note(std::string("pssst: ") + exception.what());
    return kExitError;
  }
}

}  // namespace pssst::tools
