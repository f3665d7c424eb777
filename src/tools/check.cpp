#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "identity/store_source.hpp"
#include "server/config/configuration_file.hpp"
#include "server/config/value_text.hpp"
#include "server/host/host_check.hpp"
#include "server/host/machine.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using server::counted;

constexpr const char* kDescription =
    "Look over a configuration file of pssstd before it is served.\n\n"
    "Reads the file and what it names: key files, the list or the store of clients, records of "
    "what "
    "keys have answered with. Says all that is wrong, each with its place and what would be right, "
    "as "
    "FILE:LINE:COLUMN: WHAT: REMEDY on standard error. Writes nothing and sends nothing.\n\n"
    "With --host looks also at this machine, and says of each whether it is in order and what to "
    "do: hugepages, NICs' drivers, CPUs for the workers alone, memory that may be locked, users, "
    "files and folders, capabilities.";

constexpr const char* kFooter = R"(Exit status:
  0  the file is good
  1  it is not, or the machine lacks something
  2  wrong command line

Examples:
  pssst check /etc/pssst/pssstd.toml
  pssst check --host /etc/pssst/pssstd.toml
  CREDENTIALS_DIRECTORY=/etc/credstore pssst check pssstd.toml)";

/// "2 services, 3 keys, at kernel sockets: UDP 7700 echo, 7701 ack".
std::string describe(const server::Configuration& configuration) {
  std::size_t keys = 0;
  std::string services;
  for (const server::ServiceSettings& service : configuration.services) {
    keys += service.key_files.size();
    services +=
        (services.empty() ? "" : ", ") + std::to_string(service.udp_port) + " " + service.handler;
  }
  return counted(configuration.services.size(), "service") + ", " + counted(keys, "key") + ", at " +
         (configuration.port == server::PortKind::kDpdk ? "DPDK" : "kernel sockets") + ": UDP " +
         services;
}

struct Arguments {
  std::string file;
  bool host = false;
  std::string root = "/";
};

/// As deploy/host prints it.
std::string format(const server::HostFinding& finding) {
  constexpr std::size_t kTopicColumns = 14;
  std::string topic = finding.topic;
  topic.resize(std::max(topic.size(), kTopicColumns), ' ');
  return "  " + topic + " " + finding.text + "\n";
}

/// As the server reads it. Not where the file is read: a running server, which reads it again at a
/// reload, has the store open.
base::Result<void> check_store(const std::string& path) {
  identity::StoreSource store(path, std::chrono::seconds(5));
  const auto read = store.load([](const auto&) {}, [](const auto&) { return false; });
  if (!read) return tl::unexpected(read.error().error);
  return {};
}

int check(const Arguments& arguments) {
  const auto configuration = server::read_configuration(arguments.file);
  if (!configuration) {
    for (const server::Fault& fault : configuration.error()) print_note(to_string(fault));
    return kExitError;
  }
  if (const std::string& store = configuration->identity.store; !store.empty()) {
    if (const auto good = check_store(store); !good) {
      print_note(arguments.file + ": [identity] store: " + good.error().to_string());
      return kExitError;
    }
  }
  std::string text = arguments.file + ": good: " + describe(*configuration) + "\n";
  bool lacks = false;
  if (arguments.host) {
    const server::Machine machine(arguments.root);
    for (const server::HostFinding& finding : server::look_at_host(*configuration, machine)) {
      text += format(finding);
      lacks = lacks || finding.is_fault;
    }
  }
  const auto written = write_all(STDOUT_FILENO, text);
  if (!written) return report("check", written.error());
  return lacks ? kExitError : kExitOk;
}

}  // namespace

Action configure_check(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("file", arguments->file, "The configuration file.")
      ->required()
      ->option_text("FILE");
  CLI::Option* host = app.add_flag("--host", arguments->host, "Look also at this machine.");
  app.add_option("--root", arguments->root,
                 "With --host: the root of the machine's files, to look at another. Default: /.")
      ->needs(host)
      ->option_text("DIR");
  return [arguments] { return check(*arguments); };
}

}  // namespace pssst::tools
