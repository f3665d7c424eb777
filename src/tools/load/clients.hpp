/// Private keys of many clients, for a load.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/keys.hpp"

namespace pssst::tools::load {

/// From `path`: a folder of key files, or a file with a private key of 64 hexadecimal digits on
/// each line. Files that group or others can read are refused. At least one key.
[[nodiscard]] base::Result<std::vector<PrivateKey>> read_client_keys(const std::string& path);

/// Makes `count` private keys and writes them to the new file `path`, one a line, for its owner
/// alone.
[[nodiscard]] base::Result<void> make_client_keys(const std::string& path, std::size_t count);

/// Writes the public keys to `path`, one a line: what pssstd takes as --clients.
[[nodiscard]] base::Result<void> write_enrolment(const std::string& path,
                                                 const std::vector<PrivateKey>& keys);

}  // namespace pssst::tools::load
