#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "base/file_descriptor.hpp"
#include "identity/client_text.hpp"
#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::ClientRecord;
using identity::Store;

constexpr const char* kCommand = "identity export";

constexpr const char* kDescription =
    "Write all clients into a file, as import reads them.\n\n"
    "With the revoked, in the order in which they were enrolled. Others may write the store "
    "meanwhile: each client is written as it is when its turn comes. A file is replaced once it is "
    "whole.";

constexpr const char* kFooter = R"(Examples:
  pssst identity export clients.db clients.csv
  pssst identity export clients.db --format json | jq -r 'select(.state == "revoked").name')";

struct Arguments {
  std::string store;
  std::string file = "-";
  std::string format;
};

bool is_json(const Arguments& arguments) {
  if (!arguments.format.empty()) return arguments.format == "json";
  constexpr std::array<std::string_view, 3> kEnds{".json", ".jsonl", ".ndjson"};
  return std::ranges::any_of(kEnds,
                             [&](std::string_view end) { return arguments.file.ends_with(end); });
}

base::Result<void> write_clients(Store& store, int fd, bool json) {
  constexpr std::size_t kEnough = std::size_t{1} << 20;
  std::string text = json ? "" : identity::client_csv_header();
  base::Result<void> written;
  auto scanned = store.scan([&](const ClientRecord& record) {
    json ? identity::append_client_json(text, record) : identity::append_client_csv(text, record);
    if (text.size() < kEnough) return true;
    written = write_all(fd, text);
    text.clear();
    return written.has_value();
  });
  if (!scanned) return scanned;
  return written ? write_all(fd, text) : written;
}

/// A file that is there stays as it is until the new one is whole.
base::Result<void> write_file(Store& store, const std::string& path, bool json) {
  const std::string partial = path + ".partial";
  const base::FileDescriptor file(
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return base::fail("cannot write: " + base::describe_errno(errno), partial);
  auto written = write_clients(store, file.get(), json);
  if (!written && written.error().where == "standard output") written.error().where = partial;
  if (written && (::fsync(file.get()) != 0 || ::rename(partial.c_str(), path.c_str()) != 0)) {
    written = base::fail("cannot write: " + base::describe_errno(errno), path);
  }
  if (!written) static_cast<void>(::unlink(partial.c_str()));
  return written;
}

int run(const Arguments& arguments) {
  auto store = Store::open(arguments.store, Store::Mode::kRead);
  if (!store) return report(kCommand, store.error());
  const bool json = is_json(arguments);
  const auto written = arguments.file == "-" ? write_clients(*store, STDOUT_FILENO, json)
                                             : write_file(*store, arguments.file, json);
  return written ? kExitOk : report(kCommand, written.error());
}

}  // namespace

Action configure_identity_export(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("FILE", arguments->file, "What to write. Default, and -: standard output.");
  app.add_option("--format", arguments->format,
                 "csv or json. Default: JSON if the file's name ends in .json, .jsonl or .ndjson.")
      ->check(CLI::IsMember({"csv", "json"}).description(""))
      ->option_text("FORMAT");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
