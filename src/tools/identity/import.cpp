#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "base/file_descriptor.hpp"
#include "identity/client_text.hpp"
#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/identity/importer.hpp"
#include "tools/identity/progress_bar.hpp"
#include "tools/load/load_report.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::ClientFormat;
using identity::Store;

constexpr const char* kCommand = "identity import";

constexpr const char* kDescription =
    "Enrol or change many clients from a file.\n\n"
    "CSV or JSON lines, one client a line, as pssst identity export writes them; or public keys "
    "alone, one a line. The first line of CSV may name the columns: key, name, tags (with spaces "
    "between), not_before, not_after, metadata and state. What a line does not have stays as it "
    "is. Bad lines are named and left out, all others are written. Done again, it changes "
    "nothing; nobody who was revoked is enrolled again unless the line says so. Makes the store if "
    "there is none. Serving goes on meanwhile.";

constexpr const char* kFooter = R"(Exit status:
  0  every line is in the store
  1  there were bad lines, or the file or the store failed: what was said to be done, is
  2  wrong command line

Examples:
  pssst identity import clients.db clients.csv
  pssst identity export other.db | pssst identity import clients.db)";

struct Arguments {
  std::string store;
  std::string file = "-";
  std::string format;
};

/// Set by SIGINT and SIGTERM: what is under way is finished, for a writer that is killed leaves the
/// store to be repaired.
std::atomic<bool> stopped = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = true; };
  // A second one ends the process.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM}) static_cast<void>(sigaction(signal, &action, nullptr));
}

/// Of a regular file; 0 of anything else.
std::uint64_t size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

std::string summary(const ImportCounts& counts) {
  const auto many = [](std::uint64_t n) { return load::grouped(n); };
  return many(counts.lines) + " lines: " + many(counts.added) + " added, " + many(counts.changed) +
         " changed, " + many(counts.same) + " unchanged, " + many(counts.bad) + " bad";
}

int import(Store& store, int fd, const std::string& name, const Arguments& arguments) {
  LineSource source(fd, name, identity::kClientLineSizeMax);
  ProgressBar bar(size_of(fd));
  ImportSettings settings;
  if (arguments.format == "csv") settings.format = ClientFormat::kCsv;
  if (arguments.format == "json") settings.format = ClientFormat::kJson;
  settings.threads = std::max(1U, std::thread::hardware_concurrency());
  settings.stop = &stopped;
  settings.complain = [&](std::uint64_t line, base::Error error) {
    bar.clear();
    error.where = name + ":" + std::to_string(line);
    print_note(error.to_string());
  };
  settings.progress = [&bar](const ImportCounts& counts, std::uint64_t bytes) {
    bar.draw(bytes, counts.lines);
  };
  stop_on_signals();
  // It takes every CPU that nobody else wants; a server on the same machine comes first.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, 10));
  ImportCounts counts;
  const auto imported = import_clients(source, store, settings, counts);
  bar.clear();
  if (!imported) static_cast<void>(report(kCommand, imported.error()));
  if (stopped) print_note("pssst identity import: stopped before the end");
  print_note("pssst identity import: " + summary(counts));
  return imported && !stopped && counts.bad == 0 ? kExitOk : kExitError;
}

int run(const Arguments& arguments) {
  const bool is_input = arguments.file == "-";
  const base::FileDescriptor file(is_input ? -1
                                           : ::open(arguments.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!is_input && file.get() < 0) {
    return report(kCommand, {.what = "cannot open: " + base::describe_errno(errno),
                             .where = arguments.file,
                             .remedy = ""});
  }
  auto store = Store::open(arguments.store, Store::Mode::kCreate);
  if (!store) return report(kCommand, store.error());
  return import(*store, is_input ? STDIN_FILENO : file.get(),
                is_input ? "standard input" : arguments.file, arguments);
}

}  // namespace

Action configure_identity_import(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("FILE", arguments->file, "What to read. Default, and -: standard input.");
  app.add_option("--format", arguments->format,
                 "csv or json. Default: JSON if the file begins with {.")
      ->check(CLI::IsMember({"csv", "json"}).description(""))
      ->option_text("FORMAT");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
