/// Keys named on the command line.
#pragma once

#include <string>

#include "base/error.hpp"
#include "pssst/keys.hpp"

namespace pssst::tools {

/// `argument` is a key of 64 hexadecimal digits, or else the name of a file that holds one. The key
/// passes check_public_key().
[[nodiscard]] base::Result<PublicKey> read_server_key_argument(const std::string& argument);

/// The private key in the file `path`. A key in place of the file's name is refused without being
/// repeated in the error.
[[nodiscard]] base::Result<PrivateKey> read_client_key_argument(const std::string& path);

}  // namespace pssst::tools
