/// `pssst top` but for its command line.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "server/control/control_commands.hpp"

namespace pssst::tools::top {

/// Sends a request to a server's control socket.
using Ask = std::function<base::Result<server::ControlAnswer>(std::string_view request)>;

/// Draws on the terminal, each interval of seconds, what happened in it, until somebody leaves; or
/// writes it to standard output once. Fails if the server does not answer at first, or `once`.
base::Result<void> watch(const Ask& ask, double interval, bool once);

}  // namespace pssst::tools::top
