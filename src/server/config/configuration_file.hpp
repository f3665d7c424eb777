/// The configuration file of pssstd, in TOML: deploy/pssstd.toml shows every key.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "server/config/configuration.hpp"
#include "server/config/fault.hpp"

namespace pssst::server {

/// What the file says, or everything that is wrong with it, in the order of the text: what it says
/// itself, and what it names: key files, the list of clients, records of reply functions. Paths
/// that are not absolute are relative to the file's folder. Reads files; writes nothing, looks at
/// nothing else of the machine, and may be called at any time and from any thread.
[[nodiscard]] tl::expected<Configuration, std::vector<Fault>> read_configuration(
    const std::string& path);

}  // namespace pssst::server
