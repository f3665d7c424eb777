/// The command line of pssstd.
#pragma once

#include <string>
#include <variant>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// What to serve with, or a text to print before exit status 0 (--help, --version).
using CommandLine = std::variant<Configuration, std::string>;

/// Reads the command line; looks at no file and at nothing of this machine. An Error is a mistake
/// of usage.
base::Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace pssst::server
