#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/identity/who.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::Store;

constexpr const char* kCommand = "identity revoke";

constexpr const char* kDescription =
    "Revoke clients.\n\n"
    "Their requests are refused from now on. A name stands for all keys of that name; to take one "
    "of two away, name the key. The record "
    "stays, so that the key is not enrolled again by mistake.";

constexpr const char* kFooter = R"(Exit status:
  0  all are revoked
  1  somebody is not in the store, or the store could not be written

Examples:
  pssst identity revoke clients.db meter-7
  pssst identity revoke clients.db $(cat stolen.keys))";

struct Arguments {
  std::string store;
  std::vector<std::string> who;
};

/// What was done, a line each, once it is written.
base::Result<std::string> revoke(Store& store, const Arguments& arguments,
                                 std::vector<base::Error>& missing) {
  std::string done;
  if (auto begun = store.begin(); !begun) return tl::unexpected(std::move(begun.error()));
  for (const std::string& who : arguments.who) {
    const auto found = find_who(store, who);
    if (!found) {
      // One wrong name must not keep the others in force.
      missing.push_back(found.error());
      continue;
    }
    for (const identity::ClientRecord& record : *found) {
      const auto answer = store.apply({.key = record.key, .revoked = true});
      if (!answer) return tl::unexpected(answer.error());
      const bool changed = *answer == Store::Answer::kChanged;
      done += (changed ? "revoked " : "was revoked ") + client_line(record) + "\n";
    }
  }
  if (auto committed = store.commit(); !committed) {
    return tl::unexpected(std::move(committed.error()));
  }
  return done;
}

int run(const Arguments& arguments) {
  auto store = Store::open(arguments.store, Store::Mode::kWrite);
  if (!store) return report(kCommand, store.error());
  std::vector<base::Error> missing;
  const auto done = revoke(*store, arguments, missing);
  if (!done) return report(kCommand, done.error());
  const auto written = write_all(STDOUT_FILENO, *done);
  if (!written) return report(kCommand, written.error());
  for (const base::Error& error : missing) static_cast<void>(report(kCommand, error));
  return missing.empty() ? kExitOk : kExitError;
}

}  // namespace

Action configure_identity_revoke(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("WHO", arguments->who, "Names, or public keys of 64 hexadecimal digits.")
      ->required();
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
