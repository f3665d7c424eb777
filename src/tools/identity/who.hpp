/// Clients as a command line names them, and as it shows them.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "identity/client_record.hpp"
#include "identity/store.hpp"

namespace pssst::tools {

/// All whose name `who` is or, if it is 64 hexadecimal digits, the one whose key it is. At least
/// one, or an error.
[[nodiscard]] base::Result<std::vector<identity::ClientRecord>> find_who(identity::Store& store,
                                                                         const std::string& who);

/// A public key from 64 digits, or the file that holds them, "-" being standard input; checked.
[[nodiscard]] base::Result<PublicKey> read_public_key_argument(const std::string& argument);

/// "KEY NAME", without what a terminal obeys.
[[nodiscard]] std::string client_line(const identity::ClientRecord& record);
/// A line for each field.
[[nodiscard]] std::string client_block(const identity::ClientRecord& record);

}  // namespace pssst::tools
