#include <CLI/CLI.hpp>

#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Keep the store of enrolled clients.\n\n"
    "The store is one SQLite file, which pssstd --identities follows: what these commands write is "
    "in force at every worker within a second. Each key has a name, tags, a time from which and "
    "one "
    "up to which it is served, up to 64 bytes of metadata that handlers see, and a state, enrolled "
    "or revoked. At most two keys of a name are enrolled at a time, so that a device can change "
    "its "
    "key without a gap. Copy a store with: sqlite3 STORE '.backup COPY'.";

constexpr const char* kFooter = R"(Examples:
  pssst identity enrol clients.db meter7.pub --name meter-7 --tag eu
  pssst identity revoke clients.db meter-7
  pssst identity import clients.db clients.csv
  pssstd --service port=7700,handler=echo,key=server.key --identities clients.db)";

}  // namespace

Action configure_identity(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return nullptr;
}

}  // namespace pssst::tools
