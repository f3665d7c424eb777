#include "tools/load/clients.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/file_descriptor.hpp"
#include "base/hex.hpp"
#include "base/secret_memory.hpp"
#include "identity/key_file.hpp"
#include "tools/stream.hpp"

namespace pssst::tools::load {
namespace {

using base::FileDescriptor;

constexpr std::size_t kDigits = 2 * kKeySize;
constexpr std::size_t kKeysMax = 100'000;

/// Text that is wiped.
struct Text {
  std::string text;

  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { base::wipe(text.data(), text.size()); }
};

base::Result<void> read_text(const std::string& path, Text& out) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    const int error_number = errno;
    return base::fail("cannot open the client keys: " + base::describe_errno(error_number), path,
                      "make some: pssst load --make-clients 1000 --clients " + path);
  }
  if (!S_ISREG(status.st_mode)) return base::fail("neither a file nor a folder", path);
  if ((status.st_mode & 077U) != 0) {
    return base::fail("the client keys are open to group or others", path, "chmod 600 " + path);
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kKeysMax * (kDigits + 2)) return base::fail("too large for client keys", path);
  out.text.resize(size);
  const auto read = read_up_to(file.get(), out.text);
  if (!read) return base::fail(read.error().what, path);
  out.text.resize(*read);
  return {};
}

base::Result<std::vector<PrivateKey>> parse_keys(std::string_view text, const std::string& path) {
  std::vector<PrivateKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = trim(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    if (line.empty()) continue;
    std::array<std::uint8_t, kKeySize> bytes{};
    if (line.size() != kDigits || !base::from_hex(line, bytes)) {
      return base::fail("line " + std::to_string(number) + " is not a private key", path,
                        "each line holds 64 hexadecimal digits, as pssst genkey writes them");
    }
    keys.emplace_back(bytes);
    base::wipe_object(bytes);
  }
  return keys;
}

base::Result<std::vector<PrivateKey>> read_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    names.push_back(entry.path().string());
  }
  if (error) return base::fail("cannot read the folder: " + error.message(), path);
  std::ranges::sort(names);
  std::vector<PrivateKey> keys;
  for (const std::string& name : names) {
    auto key = identity::read_private_key(name);
    if (!key) return tl::unexpected(std::move(key.error()));
    keys.push_back(std::move(*key));
  }
  return keys;
}

base::Result<void> write_file(const std::string& path, int flags, ::mode_t mode,
                              std::string_view text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode));
  if (file.get() < 0) {
    const int error_number = errno;
    return base::fail("cannot write: " + base::describe_errno(error_number), path,
                      error_number == EEXIST ? "it holds keys, perhaps: choose another name" : "");
  }
  if (auto written = write_all(file.get(), text); !written) {
    return base::fail(written.error().what, path);
  }
  return {};
}

}  // namespace

base::Result<std::vector<PrivateKey>> read_client_keys(const std::string& path) {
  if (path.size() == kDigits && base::from_hex(path) && ::access(path.c_str(), F_OK) != 0) {
    return base::fail("a private key never stands on a command line, where others can read it",
                      "--clients", "put it into a file and give the file's name");
  }
  std::error_code ignored;
  base::Result<std::vector<PrivateKey>> keys;
  if (std::filesystem::is_directory(path, ignored)) {
    keys = read_folder(path);
  } else {
    Text text;
    if (auto read = read_text(path, text); !read) return tl::unexpected(std::move(read.error()));
    keys = parse_keys(text.text, path);
  }
  if (keys && keys->empty()) return base::fail("holds no key", path);
  return keys;
}

base::Result<void> make_client_keys(const std::string& path, std::size_t count) {
  Text text;
  text.text.reserve(count * (kDigits + 1));
  for (std::size_t i = 0; i < count; ++i) {
    const PrivateKey key = PrivateKey::generate();
    std::string digits = base::to_hex(key.bytes());
    text.text += digits + '\n';
    base::wipe(digits.data(), digits.size());
  }
  return write_file(path, O_EXCL, 0600, text.text);
}

base::Result<void> write_enrolment(const std::string& path, const std::vector<PrivateKey>& keys) {
  std::string text;
  for (const PrivateKey& key : keys) text += base::to_hex(key.public_key()) + '\n';
  return write_file(path, O_TRUNC, 0644, text);
}

}  // namespace pssst::tools::load
