#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <iomanip>
#include <sstream>
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
    "Make a private key: 64 hexadecimal digits.\n\n"
    "A server and a client use keys of the same kind, but one key must never be both. Keep the "
    "file readable by its owner alone: the other commands refuse it otherwise.";

constexpr const char* kFooter = R"(Examples:
  (umask 077; pssst genkey > server.key)
  pssst pubkey < server.key > server.pub

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

int genkey() {
  warn_if_others_can_read(STDOUT_FILENO);
  const PrivateKey key = PrivateKey::generate();
  std::string text = base::to_hex(key.bytes());
  text += '\n';
  const auto written = write_all(STDOUT_FILENO, text);
  base::wipe(text.data(), text.size());
  return written ? kExitOk : report("genkey", written.error());
}

}  // namespace

Action configure_genkey(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return genkey;
}

}  // namespace pssst::tools
