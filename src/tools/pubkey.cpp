#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <string>

#include "base/hex.hpp"
#include "base/secret_memory.hpp"
#include "identity/key_file.hpp"
#include "pssst/keys.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Print the public key of a private key.\n\n"
    "Reads the private key from standard input. Both are 64 hexadecimal digits, before which a "
    "server's keys of suite 0xF002 have \"f002:\"; the public key may be known to everybody.";

constexpr const char* kFooter = R"(Examples:
  pssst pubkey < server.key > server.pub
  pssst pubkey < device.key >> clients)";

/// The public key as a file has it.
base::Result<std::string> read_and_derive() {
  const std::string where = "standard input";
  const std::string remedy = "a private key is 64 hexadecimal digits, as pssst genkey prints them";
  SecretText text;
  const auto size = read_up_to(STDIN_FILENO, text.buffer);
  if (!size) return base::fail(size.error().what, where);
  text.size = *size;
  std::string_view digits = trim(text.view());
  const std::string_view f002 = identity::key_prefix(kSuiteF002);
  const bool is_f002 = digits.starts_with(f002);
  if (is_f002) digits.remove_prefix(f002.size());
  if (digits.empty()) return base::fail("no key, but nothing", where, remedy);
  const bool cut = text.size == text.buffer.size();
  if (cut || digits.size() != 2 * kKeySize) {
    const std::string count =
        cut ? "more than " + std::to_string(2 * kKeySize) : std::to_string(digits.size());
    return base::fail("not a private key, but " + count + " characters", where, remedy);
  }
  std::array<std::uint8_t, kKeySize> bytes{};
  if (!base::from_hex(digits, bytes)) {
    return base::fail("not a private key: something in it is no hexadecimal digit", where, remedy);
  }
  const PrivateKey key(bytes);
  base::wipe_object(bytes);
  return std::string(is_f002 ? f002 : "") + base::to_hex(key.public_key());
}

int pubkey() {
  if (::isatty(STDIN_FILENO) == 1) {
    print_note("pssst pubkey: reading the private key from the terminal");
  }
  const auto key = read_and_derive();
  if (!key) return report("pubkey", key.error());
  const auto written = write_all(STDOUT_FILENO, *key + "\n");
  return written ? kExitOk : report("pubkey", written.error());
}

}  // namespace

Action configure_pubkey(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return pubkey;
}

}  // namespace pssst::tools
