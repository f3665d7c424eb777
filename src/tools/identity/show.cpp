#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "identity/client_text.hpp"
#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/identity/who.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::Store;

constexpr const char* kCommand = "identity show";

constexpr const char* kDescription =
    "Show what is enrolled of clients.\n\n"
    "A name stands for all keys of that name.";

constexpr const char* kFooter = R"(Exit status:
  0  all were shown
  1  somebody is not in the store, or the store could not be read

Examples:
  pssst identity show clients.db meter-7
  pssst identity show clients.db $(pssst pubkey < device.key) --json)";

struct Arguments {
  std::string store;
  std::vector<std::string> who;
  bool json = false;
};

int run(const Arguments& arguments) {
  auto store = Store::open(arguments.store, Store::Mode::kRead);
  if (!store) return report(kCommand, store.error());
  int status = kExitOk;
  std::string text;
  for (const std::string& who : arguments.who) {
    const auto found = find_who(*store, who);
    if (!found) {
      status = report(kCommand, found.error());
      continue;
    }
    for (const identity::ClientRecord& record : *found) {
      if (arguments.json) {
        identity::append_client_json(text, record);
      } else {
        text += (text.empty() ? "" : "\n") + client_block(record);
      }
    }
  }
  const auto written = write_all(STDOUT_FILENO, text);
  return written ? status : report(kCommand, written.error());
}

}  // namespace

Action configure_identity_show(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("WHO", arguments->who, "Names, or public keys of 64 hexadecimal digits.")
      ->required();
  app.add_flag("--json", arguments->json, "A JSON object a line, as export writes them.");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
