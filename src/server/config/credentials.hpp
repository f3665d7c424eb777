/// What systemd hands a service: keys as credentials, and a directory for its state.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace pssst::server {

/// "credential:NAME".
[[nodiscard]] bool is_credential(std::string_view text) noexcept;

/// $CREDENTIALS_DIRECTORY/NAME of "credential:NAME". Fails without that variable, and for a NAME
/// that systemd would not give.
base::Result<std::string> credential_file(std::string_view text);

/// That `path` lies in $CREDENTIALS_DIRECTORY.
[[nodiscard]] bool is_credential_file(const std::string& path);

/// The first of $STATE_DIRECTORY; empty if systemd gave none.
[[nodiscard]] std::string given_state_directory();

}  // namespace pssst::server
