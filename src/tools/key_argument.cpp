#include "tools/key_argument.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/file_descriptor.hpp"
#include "identity/key_file.hpp"
#include "tools/stream.hpp"

namespace pssst::tools {
namespace {

constexpr std::size_t kDigits = 2 * kKeySize;

bool is_hex_key(std::string_view text) noexcept {
  const std::string_view prefix = identity::key_prefix(kSuiteF002);
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return text.size() == kDigits && std::ranges::all_of(text, [](unsigned char c) {
           return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
         });
}

base::Result<std::string> read_short_file(const std::string& path) {
  const base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return base::fail("cannot open: " + base::describe_errno(errno), path,
                      "--server takes 64 hexadecimal digits, or a file that holds them");
  }
  std::array<char, 4 * kDigits> buffer{};
  const auto size = read_up_to(file.get(), buffer);
  if (!size) return base::fail(size.error().what, path);
  return std::string(buffer.data(), *size);
}

}  // namespace

base::Result<std::uint16_t> parse_suite(const std::string& text) {
  if (text == "1") return kSuite1;
  if (text == "0xf002" || text == "0xF002") return kSuiteF002;
  return base::fail("there is no such suite", "--suite " + text, "choose 1 or 0xf002");
}

base::Result<identity::ServerPublicKey> read_server_key_argument(const std::string& argument) {
  const bool is_key = is_hex_key(argument);
  std::string text = argument;
  if (!is_key) {
    auto contents = read_short_file(argument);
    if (!contents) return tl::unexpected(std::move(contents.error()));
    text = std::move(*contents);
  }
  auto key = identity::parse_server_public_key(text);
  if (!key) {
    return base::fail(std::move(key.error().what), is_key ? "--server" : argument,
                      "the server's operator prints its public key with: pssst pubkey < KEYFILE");
  }
  return key;
}

base::Result<PrivateKey> read_client_key_argument(const std::string& path) {
  if (is_hex_key(path) && ::access(path.c_str(), F_OK) != 0) {
    return base::fail("a private key never stands on a command line, where others can read it",
                      "--client-key", "put it into a file and give the file's name");
  }
  return identity::read_private_key(path);
}

}  // namespace pssst::tools
