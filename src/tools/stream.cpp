#include "tools/stream.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/secret_memory.hpp"
#include "tools/exit_status.hpp"

namespace pssst::tools {

base::Result<std::size_t> read_up_to(int fd, std::span<char> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail("cannot read: " + base::describe_errno(errno));
    size += static_cast<std::size_t>(n);
  }
  return size;
}

base::Result<std::vector<std::uint8_t>> read_all(int fd, std::size_t size_max,
                                                 const std::string& name) {
  std::vector<std::uint8_t> bytes(size_max + 1);
  const auto size = read_up_to(fd, {reinterpret_cast<char*>(bytes.data()), bytes.size()});
  if (!size) return base::fail(size.error().what, name);
  if (*size > size_max) {
    return base::fail("more than " + std::to_string(size_max) + " bytes", name);
  }
  bytes.resize(*size);
  return bytes;
}

base::Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return base::fail("cannot write: " + base::describe_errno(errno), "standard output");
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

void print_note(const std::string& line) {
  static_cast<void>(write_all(STDERR_FILENO, line + "\n"));
}

int report(std::string_view command, const base::Error& error) {
  print_note("pssst " + std::string(command) + ": " + error.to_string());
  return kExitError;
}

SecretText::~SecretText() {
  base::wipe(buffer.data(), buffer.size());
}

}  // namespace pssst::tools
