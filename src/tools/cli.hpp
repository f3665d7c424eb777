/// The command line of `pssst`.
#pragma once

namespace pssst::tools {

/// Parses the command line and runs the subcommand it names. Help and version go to standard
/// output, complaints to standard error. Returns the exit status.
int run_command(int argc, char** argv);

}  // namespace pssst::tools
