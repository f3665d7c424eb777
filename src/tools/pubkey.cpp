#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <string>

#include "base/hex.hpp"
#include "base/secret_memory.hpp"
#include "pssst/keys.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Print the public key of a private key.\n\n"
    "Reads the private key from standard input. Both are 64 hexadecimal digits; the public key may "
    "be known to everybody.";

constexpr const char* kFooter = R"(Examples:
  pssst pubkey < server.key > server.pub
  pssst pubkey < device.key >> clients)";

base::Result<PublicKey> read_and_derive() {
  const std::string where = "standard input";
  const std::string remedy = "a private key is 64 hexadecimal digits, as pssst genkey prints them";
  SecretText text;
  const auto size = read_up_to(STDIN_FILENO, text.buffer);
  if (!size) return base::fail(size.error().what, where);
  text.size = *size;
  const std::string_view digits = trim(text.view());
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
  return key.public_key();
}

int pubkey() {
  if (::isatty(STDIN_FILENO) == 1) {
    print_note("pssst pubkey: reading the private key from the terminal");
  }
  const auto key = read_and_derive();
  if (!key) return report("pubkey", key.error());
  const auto written = write_all(STDOUT_FILENO, base::to_hex(*key) + "\n");
  return written ? kExitOk : report("pubkey", written.error());
}

}  // namespace

Action configure_pubkey(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return pubkey;
}

}  // namespace pssst::tools
