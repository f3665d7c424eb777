/// What a server gives up once it serves.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// Bits (1 << CAP_X) of the capabilities that the port needs at work and to close it.
[[nodiscard]] std::uint64_t needed_capabilities(const Configuration& configuration);

/// To be called once, when the workers serve and every library has started its threads. On all
/// threads, in this order: as root with a user configured, becomes that user with its groups, and
/// empties the bounding set; keeps of the capabilities, permitted and effective, only what the port
/// needs (root that stays root keeps its own); sets no_new_privs; loads the system call filter
/// unless it is turned off. Afterwards the process is still kept out of core dumps. Any step that
/// fails is an error: the caller must end. Returns what was done, for people.
///
/// Files made before (sockets, records of reply functions) stay root's: they must lie in
/// directories of the user for the server to replace or remove them.
base::Result<std::string> drop_privileges(const Configuration& configuration);

}  // namespace pssst::server
