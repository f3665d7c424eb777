/// The subcommands of `pssst`. A new one is a file of its own, a declaration here and a line in the
/// table of cli.cpp.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace pssst::tools {

/// What a subcommand does once its command line is parsed; returns the exit status.
using Action = std::function<int()>;

// Each gives `app` its description, arguments, options and footer, and returns its action. Help and
// version are there already.
Action configure_genkey(CLI::App& app);
Action configure_pubkey(CLI::App& app);
Action configure_call(CLI::App& app);
Action configure_load(CLI::App& app);
Action configure_compat(CLI::App& app);
Action configure_check(CLI::App& app);
Action configure_ctl(CLI::App& app);
Action configure_top(CLI::App& app);

}  // namespace pssst::tools
