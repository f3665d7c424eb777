#include "identity/client_list.hpp"

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <map>
#include <string_view>

#include "identity/key_file.hpp"

namespace pssst::identity {
namespace {

/// Collects identities and complaints, line by line.
class ClientListReader {
 public:
  void add_line(std::string_view line) {
    ++line_number_;
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r\v\f") == std::string_view::npos) return;
    const base::Result<PublicKey> key = parse_public_key(line);
    if (!key) {
      complain(key.error().what);
      return;
    }
    const auto [entry, is_new] = line_of_key_.emplace(*key, line_number_);
    if (is_new) {
      identities_.push_back(Identity{*key});
    } else {
      complain("the key of line " + std::to_string(entry->second) + " again");
    }
  }

  [[nodiscard]] base::Result<std::vector<Identity>> finish(const std::string& path) && {
    if (bad_lines_ == 0) return std::move(identities_);
    const std::string count =
        bad_lines_ == 1 ? "1 bad line" : std::to_string(bad_lines_) + " bad lines";
    return base::fail(count + ": " + complaints_, path,
                      "one public key of 64 hexadecimal digits per line, # begins a comment");
  }

 private:
  void complain(const std::string& what) {
    if (bad_lines_++ > 0) complaints_ += "; ";
    complaints_ += "line " + std::to_string(line_number_) + ": " + what;
  }

  std::vector<Identity> identities_;
  std::map<PublicKey, std::size_t> line_of_key_;
  std::size_t line_number_ = 0;
  std::size_t bad_lines_ = 0;
  std::string complaints_;
};

}  // namespace

base::Result<std::vector<Identity>> read_client_list(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail("cannot open the client list: " + base::describe_errno(errno), path);
  ClientListReader reader;
  std::string line;
  while (std::getline(file, line)) reader.add_line(line);
  if (file.bad()) {
    return base::fail("cannot read the client list: " + base::describe_errno(errno), path);
  }
  return std::move(reader).finish(path);
}

}  // namespace pssst::identity
