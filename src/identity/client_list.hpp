/// The enrolled clients as a text file.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"

namespace pssst::identity {

/// One public key of 64 hexadecimal digits per line; blank lines and what follows '#' are skipped.
/// A bad line, a key that fails check_public_key() and a key that stands twice are errors that name
/// their line: all of them are reported, not only the first.
base::Result<std::vector<Identity>> read_client_list(const std::string& path);

}  // namespace pssst::identity
