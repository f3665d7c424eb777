#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/identity/who.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::ClientRecord;
using identity::Store;

constexpr const char* kCommand = "identity list";

constexpr const char* kDescription =
    "List clients: state, key and name, one a line.\n\n"
    "In the order in which they were enrolled. pssst identity export tells all.";

constexpr const char* kFooter = R"(Examples:
  pssst identity list clients.db --tag eu
  pssst identity list clients.db --state revoked | wc -l)";

struct Arguments {
  std::string store;
  std::string tag;
  std::string state;
};

bool has_tag(const std::string& tags, const std::string& tag) {
  return (" " + tags + " ").find(" " + tag + " ") != std::string::npos;
}

int run(const Arguments& arguments) {
  auto store = Store::open(arguments.store, Store::Mode::kRead);
  if (!store) return report(kCommand, store.error());
  constexpr std::size_t kEnough = std::size_t{1} << 16;
  std::string text;
  base::Result<void> written;
  const auto list = [&](const ClientRecord& record) {
    const std::string state(identity::client_state_text(record.revoked));
    if (!arguments.state.empty() && arguments.state != state) return true;
    if (!arguments.tag.empty() && !has_tag(record.tags, arguments.tag)) return true;
    text += state + (record.revoked ? "   " : "  ") + client_line(record) + "\n";
    if (text.size() < kEnough) return true;
    written = write_all(STDOUT_FILENO, text);
    text.clear();
    return written.has_value();
  };
  const auto scanned = store->scan(list);
  if (!scanned) return report(kCommand, scanned.error());
  if (written) written = write_all(STDOUT_FILENO, text);
  return written ? kExitOk : report(kCommand, written.error());
}

}  // namespace

Action configure_identity_list(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("--tag", arguments->tag, "Only clients with this tag.")->option_text("TAG");
  app.add_option("--state", arguments->state, "Only clients in this state: enrolled or revoked.")
      ->check(CLI::IsMember({"enrolled", "revoked"}).description(""))
      ->option_text("STATE");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
