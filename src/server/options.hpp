/// The command line of pssstd.
#pragma once

#include <string>
#include <variant>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// The file that says what to serve with (--config).
struct NamedConfiguration {
  std::string path;
};

/// What to serve with, or where that stands, or a text to print before exit status 0 (--help,
/// --version).
using CommandLine = std::variant<Configuration, NamedConfiguration, std::string>;

/// Reads the command line; looks at no file and at nothing of this machine. An Error is a mistake
/// of usage.
base::Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace pssst::server
