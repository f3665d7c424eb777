/// Asking a running server.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "server/control/control_commands.hpp"

namespace pssst::server {

/// Sends one request ("stats --json") to the server that listens at `socket` and waits for its
/// answer. Fails if nobody listens there, if we may not, or if it hangs up without an answer; a
/// command that it refuses is an answer.
[[nodiscard]] base::Result<ControlAnswer> ask_control(const std::string& socket,
                                                      std::string_view request);

}  // namespace pssst::server
