#include "tools/identity/who.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/file_descriptor.hpp"
#include "base/hex.hpp"
#include "identity/key_file.hpp"
#include "tools/stream.hpp"

namespace pssst::tools {
namespace {

constexpr std::size_t kDigits = 2 * kKeySize;

std::optional<PublicKey> key_of_digits(const std::string& text) {
  PublicKey key{};
  if (text.size() != kDigits || !base::from_hex(text, key)) return std::nullopt;
  return key;
}

base::Result<std::string> read_key_file(const std::string& path) {
  const bool is_input = path == "-";
  const base::FileDescriptor file(is_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!is_input && file.get() < 0) {
    return base::fail("cannot open: " + base::describe_errno(errno), path,
                      "name a public key of 64 hexadecimal digits, or a file that holds one");
  }
  std::array<char, 4 * kDigits> buffer{};
  const auto size = read_up_to(is_input ? STDIN_FILENO : file.get(), buffer);
  if (!size) return base::fail(size.error().what, is_input ? "standard input" : path);
  return std::string(buffer.data(), *size);
}

/// Another program may have written it into the store.
std::string plain(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::ranges::replace_if(text, is_control, '?');
  return text;
}

std::string field_line(const std::string& name, const std::string& value) {
  constexpr std::size_t kColumn = 12;
  std::string line = name;
  line.resize(kColumn, ' ');
  return line + (value.empty() ? "-" : plain(value)) + "\n";
}

}  // namespace

base::Result<std::vector<identity::ClientRecord>> find_who(identity::Store& store,
                                                           const std::string& who) {
  const auto key = key_of_digits(who);
  std::vector<identity::ClientRecord> found;
  if (key) {
    auto record = store.find(*key);
    if (!record) return tl::unexpected(std::move(record.error()));
    if (*record) found.push_back(std::move(**record));
  } else {
    auto records = store.find_named(who);
    if (!records) return records;
    found = std::move(*records);
  }
  if (found.empty()) {
    return base::fail(key ? "no such key" : "no key of this name", plain(who),
                      "pssst identity list shows all");
  }
  return found;
}

base::Result<PublicKey> read_public_key_argument(const std::string& argument) {
  const bool is_digits = key_of_digits(argument).has_value();
  std::string text = argument;
  if (!is_digits) {
    auto contents = read_key_file(argument);
    if (!contents) return tl::unexpected(std::move(contents.error()));
    text = std::move(*contents);
  }
  auto key = identity::parse_public_key(text);
  if (!key) {
    return base::fail(std::move(key.error().what), argument,
                      "the device prints its public key with: pssst pubkey < KEYFILE");
  }
  return key;
}

std::string client_line(const identity::ClientRecord& record) {
  return base::to_hex(record.key) + (record.name.empty() ? "" : " " + plain(record.name));
}

std::string client_block(const identity::ClientRecord& record) {
  return field_line("key", base::to_hex(record.key)) + field_line("name", record.name) +
         field_line("tags", record.tags) +
         field_line("not before", identity::format_client_time(record.not_before)) +
         field_line("not after", identity::format_client_time(record.not_after)) +
         field_line("metadata", base::to_hex(record.metadata)) +
         field_line("state", std::string(identity::client_state_text(record.revoked)));
}

}  // namespace pssst::tools
