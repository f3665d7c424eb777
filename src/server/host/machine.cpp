#include "server/host/machine.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "server/account.hpp"
#include "server/cpus.hpp"

namespace pssst::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr std::size_t kSizeMax = std::size_t{1} << 20;

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::optional<unsigned> account_of_this_machine(const std::string& user) {
  const auto found = find_account(user, "user " + user);
  return found && *found ? std::optional<unsigned>((*found)->user) : std::nullopt;
}

}  // namespace

fs::path Machine::path(const std::string& name) const {
  return root_ / fs::path(name).relative_path();
}

bool Machine::exists(const std::string& name) const {
  std::error_code failed;
  return fs::exists(path(name), failed);
}

std::optional<std::string> Machine::read(const std::string& name) const {
  std::error_code failed;
  if (fs::is_directory(path(name), failed)) return std::nullopt;
  std::ifstream file(path(name), std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kSizeMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return trimmed(text);
}

std::string Machine::link_name(const std::string& name) const {
  std::error_code failed;
  const fs::path target = fs::read_symlink(path(name), failed);
  return failed ? std::string() : target.filename().string();
}

std::vector<std::string> Machine::list(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(path(folder), failed), end; !failed && entry != end;
       entry.increment(failed)) {
    names.push_back(entry->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<FileOwner> Machine::owner_of(const std::string& name) const {
  struct stat status {};
  if (::stat(path(name).c_str(), &status) != 0) return std::nullopt;
  return FileOwner{.user = status.st_uid, .group = status.st_gid, .mode = status.st_mode};
}

std::optional<std::uint64_t> Machine::number_in(const std::string& name, std::string_view key,
                                                int base) const {
  std::istringstream lines(read(name).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const std::string text = trimmed(line.substr(key.size()));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error == std::errc()) return value;
  }
  return std::nullopt;
}

std::optional<unsigned> Machine::user_id(const std::string& user) const {
  std::istringstream lines(read("etc/passwd").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(user + ":")) continue;
    const std::size_t at = line.find(':', user.size() + 1);
    unsigned id = 0;
    if (at == std::string::npos) continue;
    const auto parsed = std::from_chars(line.data() + at + 1, line.data() + line.size(), id);
    if (parsed.ec == std::errc()) return id;
  }
  return root_ == "/" ? account_of_this_machine(user) : std::nullopt;
}

std::vector<unsigned> Machine::online_cpus() const {
  return parse_cpu_list(read("sys/devices/system/cpu/online").value_or("0"))
      .value_or(std::vector<unsigned>{0});
}

std::string Machine::unit() const {
  for (const char* folder : {"etc/systemd/system", "usr/local/lib/systemd/system",
                             "lib/systemd/system", "usr/lib/systemd/system"}) {
    const std::string name = std::string(folder) + "/pssstd.service";
    const auto unit = read(name);
    if (!unit) continue;
    std::string text = *unit + "\n";
    const std::string drop_ins = name + ".d/";
    for (const std::string& drop_in : list(drop_ins)) {
      if (!drop_in.ends_with(".conf")) continue;
      text += read(drop_ins + drop_in).value_or("");
      text += '\n';
    }
    return text;
  }
  return {};
}

std::string format_cpus(std::vector<unsigned> cpus) {
  std::ranges::sort(cpus);
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
    if (last > i) text += "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

std::vector<std::string> unit_words(const std::string& unit, const std::string& setting) {
  std::vector<std::string> words;
  std::istringstream lines(unit);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(setting + "=")) continue;
    std::istringstream values(line.substr(setting.size() + 1));
    const std::vector<std::string> given{std::istream_iterator<std::string>(values), {}};
    if (given.empty()) words.clear();
    words.insert(words.end(), given.begin(), given.end());
  }
  return words;
}

}  // namespace pssst::server
