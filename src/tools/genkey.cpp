#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <iomanip>
#include <memory>
#include <sstream>
#include <string>

#include "base/hex.hpp"
#include "base/secret_memory.hpp"
#include "pssst/keys.hpp"
#include "tools/exit_status.hpp"
#include "tools/key_argument.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

constexpr const char* kDescription =
    "Make a private key: 64 hexadecimal digits.\n\n"
    "A server key serves one suite only, and says which: before the digits of one for suite 0xF002 "
    "stands \"f002:\". A client's key serves every suite and has no prefix. One key must never be "
    "both a server's and a client's. Keep the file readable by its owner alone: the other commands "
    "refuse it otherwise.";

constexpr const char* kFooter = R"(Examples:
  (umask 077; pssst genkey > server.key)
  pssst pubkey < server.key > server.pub
  (umask 077; pssst genkey --suite 0xf002 > server.key)

  umask 077
  pssst genkey | tee device.key | pssst pubkey >> clients)";

/// The file's name, for a remedy that can be pasted; "FILE" where the kernel does not tell.
std::string name_of(int fd) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0 || static_cast<std::size_t>(size) == target.size()) return "FILE";
  return {target.data(), static_cast<std::size_t>(size)};
}

void warn_if_others_can_read(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const unsigned mode = status.st_mode & 0777U;
  if ((mode & 077U) == 0) return;
  std::ostringstream text;
  text << "pssst genkey: warning: others can get at this private key (mode " << std::oct
       << std::setfill('0') << std::setw(4) << mode << "): chmod 600 " << name_of(fd)
       << ", and next time umask 077 first";
  print_note(text.str());
}

int genkey(const std::string& suite_name) {
  const auto suite = parse_suite(suite_name);
  if (!suite) {
    static_cast<void>(report("genkey", suite.error()));
    return kExitUsage;
  }
  warn_if_others_can_read(STDOUT_FILENO);
  const PrivateKey key = PrivateKey::generate();
  std::string digits = base::to_hex(key.bytes());
  std::string text(identity::key_prefix(*suite));
  text.reserve(text.size() + digits.size() + 1);
  text += digits;
  text += '\n';
  base::wipe(digits.data(), digits.size());
  const auto written = write_all(STDOUT_FILENO, text);
  base::wipe(text.data(), text.size());
  return written ? kExitOk : report("genkey", written.error());
}

}  // namespace

Action configure_genkey(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto suite = std::make_shared<std::string>("1");
  app.add_option("--suite", *suite,
                 "The suite that a server's key is for: 1 (default; clients' keys too) or 0xf002.")
      ->option_text("SUITE");
  return [suite] { return genkey(*suite); };
}

}  // namespace pssst::tools
