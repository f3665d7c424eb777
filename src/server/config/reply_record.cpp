#include "server/config/reply_record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file_descriptor.hpp"
#include "base/hex.hpp"
#include "crypto/sha256.hpp"

namespace pssst::server {
namespace {

constexpr std::string_view kIntroduction =
    "# The reply function of each suite 1 key that has answered here: server key, digest,\n"
    "# description. pssstd refuses to answer with another one; a new function takes a new key.\n";
constexpr std::size_t kDigits = 2 * kKeySize;
/// Thousands of keys.
constexpr std::size_t kRecordSizeMax = std::size_t{1} << 20;

void append_integer(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

/// The engine's messages are short: each part is hashed together with the digest so far.
void hash_chain(crypto::Sha256Engine& engine, std::span<const std::uint8_t> bytes,
                std::array<std::uint8_t, crypto::kSha256Size>& digest) {
  constexpr std::size_t kPartSize = crypto::kLaneMessageSizeMax - crypto::kSha256Size;
  std::uint8_t* const out = digest.data();
  for (std::size_t at = 0; at < bytes.size(); at += kPartSize) {
    const std::array message{
        crypto::MessagePart::same(digest),
        crypto::MessagePart::same(bytes.subspan(at, std::min(kPartSize, bytes.size() - at)))};
    engine.hash(message, &out, 1);
  }
}

base::Result<std::string> read_record(int fd, const std::string& path) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail("cannot read: " + base::describe_errno(errno), path);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > kRecordSizeMax) {
      return base::fail("too long for a record of reply functions", path, "see what it is");
    }
  }
}

struct Entry {
  std::string_view key, digest, description;
};

bool is_hex(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<Entry> parse_line(std::string_view line) {
  if (line.size() < 2 * (kDigits + 1) || line[kDigits] != ' ' || line[2 * kDigits + 1] != ' ') {
    return std::nullopt;
  }
  const Entry entry{.key = line.substr(0, kDigits),
                    .digest = line.substr(kDigits + 1, kDigits),
                    .description = line.substr(2 * (kDigits + 1))};
  // Digits that are spelt otherwise would be those of another key.
  if (!is_hex(entry.key) || !is_hex(entry.digest)) return std::nullopt;
  return entry;
}

/// The entry of `key`, if there is one. Every line is whole, also the last: behind a comment that
/// was cut off, the next entry would be part of it.
base::Result<std::optional<Entry>> find_entry(std::string_view text, std::string_view key,
                                              const std::string& path) {
  std::optional<Entry> found;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto refuse = [&](std::string what) {
      return base::fail(std::move(what), path + ":" + std::to_string(number),
                        "restore the file, or give the service a new key");
    };
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return refuse("the line does not end");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto entry = parse_line(line);
    if (!entry) return refuse("not a line of a record of reply functions");
    if (entry->key != key) continue;
    if (found && found->digest != entry->digest) return refuse("a second function of one key");
    found = entry;
  }
  return found;
}

/// Whole or not at all: what could not be written whole is taken away again.
base::Result<void> append_line(int fd, const std::string& path, const std::string& line,
                               std::size_t size_before) {
  const std::string text = (size_before == 0 ? std::string(kIntroduction) : std::string()) + line;
  const ssize_t n = ::write(fd, text.data(), text.size());
  int failure = n < 0 ? errno : ENOSPC;
  if (n == static_cast<ssize_t>(text.size())) failure = ::fsync(fd) == 0 ? 0 : errno;
  if (failure == 0) return {};
  static_cast<void>(::ftruncate(fd, static_cast<off_t>(size_before)));
  return base::fail("cannot write: " + base::describe_errno(failure), path,
                    "make room, or write this line there: " + line.substr(0, line.size() - 1));
}

/// Until the file is closed. False: there is no lock to be had.
bool lock(int fd) noexcept {
  int result = 0;
  while ((result = ::flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
  }
  return result == 0;
}

/// Open for appending, else, where that is forbidden, for reading; else the errno.
base::Result<base::FileDescriptor> open_record(const std::string& path, bool& may_write,
                                               const std::string& line) {
  constexpr int kFlags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  base::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | kFlags, 0644));
  may_write = file.get() >= 0;
  const int why = errno;
  if (!may_write) file = base::FileDescriptor(::open(path.c_str(), O_RDONLY | kFlags));
  if (file.get() < 0) {
    return base::fail("cannot write down what the key answers with: " + base::describe_errno(why),
                      path,
                      "let the server write there, or write the file yourself, with this line: " +
                          line.substr(0, line.size() - 1));
  }
  return file;
}

base::Result<void> compare(const Entry& entry, const ReplyFunction& function,
                           const std::string& path) {
  if (entry.digest == function.digest) return {};
  return base::fail("under this suite 1 key requests were answered by " +
                        std::string(entry.description) + "; by " + function.description +
                        " they would get a second answer, which lets requests be forged",
                    path, "give the service a new key: pssst genkey");
}

/// A record that is not there says nothing of any key, nor does one that has another's.
base::Result<void> check_record(const std::string& path, const PublicKey& key,
                                const ReplyFunction& function) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const base::FileDescriptor file(::open(path.c_str(), kFlags));
  if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (file.get() < 0) {
    return base::fail("cannot open the record of reply functions: " + base::describe_errno(errno),
                      path, "run as a user who may read it");
  }
  const auto text = read_record(file.get(), path);
  if (!text) return tl::unexpected(text.error());
  const auto entry = find_entry(*text, base::to_hex(key), path);
  if (!entry) return tl::unexpected(entry.error());
  return *entry ? compare(**entry, function, path) : base::Result<void>{};
}

}  // namespace

base::Result<ReplyFunction> reply_function_of(const HandlerTraits& traits,
                                              std::span<const std::uint8_t> settings) {
  auto engine = crypto::Sha256Engine::create();
  if (!engine) return tl::unexpected(engine.error());
  std::vector<std::uint8_t> bytes;
  append_integer(bytes, traits.name.size());
  bytes.insert(bytes.end(), traits.name.begin(), traits.name.end());
  append_integer(bytes, traits.version);
  append_integer(bytes, traits.reply_size_max);
  bytes.insert(bytes.end(), settings.begin(), settings.end());
  std::array<std::uint8_t, crypto::kSha256Size> digest{};
  hash_chain(**engine, bytes, digest);
  return ReplyFunction{.digest = base::to_hex(digest),
                       .description = std::string(traits.name) + ", version " +
                                      std::to_string(traits.version) + ", replies to " +
                                      std::to_string(traits.reply_size_max) + " bytes"};
}

std::string reply_record_path(const std::string& key_file, const std::string& state_directory) {
  if (!state_directory.empty()) {
    return (std::filesystem::path(state_directory) / "suite1.replies").string();
  }
  std::error_code failed;
  const std::filesystem::path file = std::filesystem::canonical(key_file, failed);
  return (failed ? key_file : file.string()) + ".replies";
}

base::Result<void> check_reply_function(const std::string& key_file, const PublicKey& key,
                                        const ReplyFunction& function,
                                        const std::string& state_directory) {
  if (auto beside = check_record(reply_record_path(key_file), key, function); !beside) {
    return beside;
  }
  if (state_directory.empty()) return {};
  return check_record(reply_record_path(key_file, state_directory), key, function);
}

base::Result<void> hold_reply_function(const std::string& key_file, const PublicKey& key,
                                       const ReplyFunction& function,
                                       const std::string& state_directory) {
  if (!state_directory.empty()) {
    auto beside = check_record(reply_record_path(key_file), key, function);
    if (!beside) return beside;
  }
  const std::string path = reply_record_path(key_file, state_directory);
  const std::string digits = base::to_hex(key);
  const std::string line = digits + " " + function.digest + " " + function.description + "\n";
  bool may_write = false;
  const auto file = open_record(path, may_write, line);
  if (!file) return tl::unexpected(file.error());
  const bool locked = lock(file->get());
  const auto text = read_record(file->get(), path);
  if (!text) return tl::unexpected(text.error());
  const auto entry = find_entry(*text, digits, path);
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) {
    if (may_write && locked) return append_line(file->get(), path, line, text->size());
    return base::fail(
        std::string("the key is not in its record, which the server may not ") +
            (may_write ? "lock: another might write down another function there" : "write"),
        path, "write this line there: " + line.substr(0, line.size() - 1));
  }
  return compare(**entry, function, path);
}

}  // namespace pssst::server
