/// The subcommands of `pssst`, some of which have subcommands. A new one is a file of its own, a
/// declaration here and a line in a table of cli.cpp.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace pssst::tools {

/// What a subcommand does once its command line is parsed; returns the exit status.
using Action = std::function<int()>;

// Each gives `app` its description, arguments, options and footer, and returns its action, or null
// if it has subcommands. Help and version are there already.
Action configure_genkey(CLI::App& app);
Action configure_pubkey(CLI::App& app);
Action configure_call(CLI::App& app);
Action configure_load(CLI::App& app);
Action configure_compat(CLI::App& app);
Action configure_check(CLI::App& app);
Action configure_ctl(CLI::App& app);
Action configure_top(CLI::App& app);
Action configure_identity(CLI::App& app);
Action configure_identity_enrol(CLI::App& app);
Action configure_identity_revoke(CLI::App& app);
Action configure_identity_show(CLI::App& app);
Action configure_identity_list(CLI::App& app);
Action configure_identity_import(CLI::App& app);
Action configure_identity_export(CLI::App& app);

}  // namespace pssst::tools
