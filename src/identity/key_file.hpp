/// Private and public keys as text: 64 hexadecimal digits, before which keys of servers of suite
/// 0xF002 have "f002:".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "pssst/keys.hpp"

namespace pssst::identity {

/// What stands before a server key's digits: "" or "f002:".
[[nodiscard]] std::string_view key_prefix(std::uint16_t suite) noexcept;

struct ServerPrivateKey {
  std::uint16_t suite = kSuite1;
  PrivateKey key;
};
struct ServerPublicKey {
  std::uint16_t suite = kSuite1;
  PublicKey key{};
};

/// Who put a key file there.
enum class KeyFileKind : std::uint8_t {
  kOperators,
  /// systemd, as root's own. Where the file system has access control lists, it lets the service
  /// read by one, and what looks like the group's right to read is that list's mask.
  kCredential,
};

/// A server's private key: prefix and 64 digits, an end of line or none. Only a regular file, or a
/// link to one; refused if group or others can read it, with the chmod that mends it. No error
/// tells anything of the content, and the file's bytes are wiped from memory.
base::Result<ServerPrivateKey> read_server_private_key(const std::string& path,
                                                       KeyFileKind kind = KeyFileKind::kOperators);
/// The same from memory; `where` is for errors, and the caller wipes the text.
base::Result<ServerPrivateKey> parse_server_private_key(std::string_view text,
                                                        const std::string& where);
/// Prefix and 64 digits with white space around, as wg has it. Checked by check_public_key(). The
/// error's `where` is left to the caller.
base::Result<ServerPublicKey> parse_server_public_key(std::string_view text);

/// The same for clients, whose keys serve every suite and have no prefix: with one they are
/// refused.
base::Result<PrivateKey> read_private_key(const std::string& path);
base::Result<PublicKey> parse_public_key(std::string_view text);

}  // namespace pssst::identity
