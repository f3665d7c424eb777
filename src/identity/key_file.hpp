/// Private and public keys as files of 64 hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "pssst/keys.hpp"

namespace pssst::identity {

/// 64 digits, an end of line or none. Only a regular file, or a link to one; refused if group or
/// others can read it, with the chmod that mends it. No error tells anything of the content, and
/// the file's bytes are wiped from memory.
base::Result<PrivateKey> read_private_key(const std::string& path);

/// 64 digits with white space around, as wg has it. Checked by check_public_key(). The error's
/// `where` is left to the caller.
base::Result<PublicKey> parse_public_key(std::string_view text);

}  // namespace pssst::identity
