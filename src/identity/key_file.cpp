#include "identity/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>

#include "base/file_descriptor.hpp"
#include "base/hex.hpp"
#include "base/secret_memory.hpp"

namespace pssst::identity {
namespace {

constexpr std::size_t kDigits = 2 * kKeySize;
constexpr std::string_view kF002Prefix = "f002:";
constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

/// The front of a key file: room for prefix, digits, CR LF, and one byte that would be too many.
struct KeyText {
  std::array<char, kF002Prefix.size() + kDigits + 3> bytes{};
  std::size_t size = 0;

  KeyText() = default;
  KeyText(const KeyText&) = delete;
  KeyText& operator=(const KeyText&) = delete;
  ~KeyText() { base::wipe(bytes.data(), bytes.size()); }
};

struct KeyBytes {
  std::array<std::uint8_t, kKeySize> bytes{};

  KeyBytes() = default;
  KeyBytes(const KeyBytes&) = delete;
  KeyBytes& operator=(const KeyBytes&) = delete;
  ~KeyBytes() { base::wipe(bytes.data(), bytes.size()); }
};

tl::unexpected<base::Error> open_failure(const std::string& path, int error_number) {
  std::string remedy;
  if (error_number == ENOENT) remedy = "make one: (umask 077; pssst genkey > " + path + ")";
  if (error_number == EACCES) remedy = "run as a user who may read it";
  return base::fail("cannot open the key file: " + base::describe_errno(error_number), path,
                    std::move(remedy));
}

bool is_open_to_others(const struct stat& status, KeyFileKind kind) noexcept {
  const unsigned open = status.st_mode & 077U;
  const bool roots = status.st_uid == 0 && status.st_gid == 0;
  return kind == KeyFileKind::kCredential && roots ? (open & ~unsigned{S_IRGRP}) != 0 : open != 0;
}

base::Result<void> check_kind_and_mode(int fd, const std::string& path, KeyFileKind kind) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return base::fail("cannot look at the key file: " + base::describe_errno(errno), path);
  }
  if (!S_ISREG(status.st_mode)) return base::fail("not a regular file", path);
  if (is_open_to_others(status, kind)) {
    std::array<char, 8> mode{};
    static_cast<void>(std::snprintf(mode.data(), mode.size(), "%04o",
                                    static_cast<unsigned>(status.st_mode & 07777U)));
    return base::fail(
        std::string("the key file is open to group or others (mode ") + mode.data() + ")", path,
        "chmod 600 " + path);
  }
  return {};
}

base::Result<void> read_text(int fd, const std::string& path, KeyText& text) {
  while (text.size < text.bytes.size()) {
    const ssize_t n = read(fd, text.bytes.data() + text.size, text.bytes.size() - text.size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail("cannot read the key file: " + base::describe_errno(errno), path);
    if (n == 0) break;
    text.size += static_cast<std::size_t>(n);
  }
  return {};
}

std::string_view without_line_end(std::string_view text) noexcept {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// Takes the prefix off; the suite that it stands for.
std::uint16_t take_prefix(std::string_view& text) noexcept {
  if (!text.starts_with(kF002Prefix)) return kSuite1;
  text.remove_prefix(kF002Prefix.size());
  return kSuiteF002;
}

constexpr const char* kPrivateKeyRemedy =
    "a key file holds 64 hexadecimal digits, as pssst genkey writes them";

base::Result<PrivateKey> parse_digits(std::string_view digits, const std::string& where) {
  if (digits.size() < kDigits) {
    return base::fail(
        "the key file is too short (" + std::to_string(digits.size()) + " characters of 64)", where,
        kPrivateKeyRemedy);
  }
  if (digits.size() > kDigits) {
    return base::fail("the key file holds more than 64 digits", where, kPrivateKeyRemedy);
  }
  KeyBytes key;
  if (!base::from_hex(digits, key.bytes)) {
    return base::fail("the key file holds something that is no hexadecimal digit", where,
                      kPrivateKeyRemedy);
  }
  const KeyBytes zero;
  if (base::equal_constant_time(key.bytes.data(), zero.bytes.data(), kKeySize)) {
    return base::fail("the key file holds zeros, a key that everybody knows", where,
                      kPrivateKeyRemedy);
  }
  return PrivateKey(key.bytes);
}

}  // namespace

std::string_view key_prefix(std::uint16_t suite) noexcept {
  return suite == kSuiteF002 ? kF002Prefix : std::string_view();
}

base::Result<ServerPrivateKey> parse_server_private_key(std::string_view text,
                                                        const std::string& where) {
  const std::uint16_t suite = take_prefix(text);
  auto key = parse_digits(text, where);
  if (!key) return tl::unexpected(key.error());
  return ServerPrivateKey{.suite = suite, .key = std::move(*key)};
}

base::Result<ServerPrivateKey> read_server_private_key(const std::string& path, KeyFileKind kind) {
  // O_NONBLOCK: a FIFO without a writer must be refused, not waited for.
  const base::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return open_failure(path, errno);
  if (auto checked = check_kind_and_mode(file.get(), path, kind); !checked) {
    return tl::unexpected(checked.error());
  }
  KeyText text;
  if (auto read = read_text(file.get(), path, text); !read) return tl::unexpected(read.error());
  if (text.size == 0) return base::fail("the key file is empty", path, kPrivateKeyRemedy);
  return parse_server_private_key(without_line_end(std::string_view(text.bytes.data(), text.size)),
                                  path);
}

base::Result<PrivateKey> read_private_key(const std::string& path) {
  auto read = read_server_private_key(path);
  if (!read) return tl::unexpected(read.error());
  if (read->suite != kSuite1) {
    return base::fail("the key is a server's of suite 0xF002 (f002:), and must not be a client's",
                      path, "make the client a key of its own: pssst genkey");
  }
  return std::move(read->key);
}

base::Result<ServerPublicKey> parse_server_public_key(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return base::fail("no key, but nothing");
  text = text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
  ServerPublicKey read{.suite = take_prefix(text)};
  if (text.size() != kDigits) {
    return base::fail("not 64 hexadecimal digits but " + std::to_string(text.size()) +
                      " characters");
  }
  if (!base::from_hex(text, read.key)) return base::fail("not 64 hexadecimal digits");
  if (const PublicKeyFault fault = check_public_key(read.key); fault != PublicKeyFault::kNone) {
    return base::fail("not a usable public key: " + std::string(to_string(fault)));
  }
  return read;
}

base::Result<PublicKey> parse_public_key(std::string_view text) {
  const auto read = parse_server_public_key(text);
  if (!read) return tl::unexpected(read.error());
  if (read->suite != kSuite1) {
    return base::fail("a server's key of suite 0xF002 (f002:), and no client's");
  }
  return read->key;
}

}  // namespace pssst::identity
