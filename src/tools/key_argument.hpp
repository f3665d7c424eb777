/// Keys named on the command line.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "identity/key_file.hpp"
#include "pssst/keys.hpp"

namespace pssst::tools {

/// `argument` is a server's key, 64 hexadecimal digits, "f002:" before them if it is of suite
/// 0xF002; or else the name of a file that holds one. The key passes check_public_key().
[[nodiscard]] base::Result<identity::ServerPublicKey> read_server_key_argument(
    const std::string& argument);

/// "1", "0xf002" or "0xF002".
[[nodiscard]] base::Result<std::uint16_t> parse_suite(const std::string& text);

/// The private key in the file `path`. A key in place of the file's name is refused without being
/// repeated in the error.
[[nodiscard]] base::Result<PrivateKey> read_client_key_argument(const std::string& path);

}  // namespace pssst::tools
