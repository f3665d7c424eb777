#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "server/config/configuration_file.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Look over a configuration file of pssstd before it is served.\n\n"
    "Reads the file and what it names: key files, the list of clients, records of what keys have "
    "answered with. Says all that is wrong, each with its place and what would be right, as "
    "FILE:LINE:COLUMN: WHAT: REMEDY on standard error. Writes nothing and sends nothing.";

constexpr const char* kFooter = R"(Exit status:
  0  the file is good
  1  it is not
  2  wrong command line

Examples:
  pssst check /etc/pssst/pssstd.toml
  CREDENTIALS_DIRECTORY=/etc/credstore pssst check pssstd.toml)";

std::string counted(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

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

int check(const std::string& file) {
  const auto configuration = server::read_configuration(file);
  if (!configuration) {
    for (const server::Fault& fault : configuration.error()) print_note(to_string(fault));
    return kExitError;
  }
  const auto written =
      write_all(STDOUT_FILENO, file + ": good: " + describe(*configuration) + "\n");
  return written ? kExitOk : report("check", written.error());
}

}  // namespace

Action configure_check(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto file = std::make_shared<std::string>();
  app.add_option("file", *file, "The configuration file.")->required()->option_text("FILE");
  return [file] { return check(*file); };
}

}  // namespace pssst::tools
