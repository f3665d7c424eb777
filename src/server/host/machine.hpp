/// The files of a machine, under a root that may be a test's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pssst::server {

struct FileOwner {
  unsigned user = 0;
  unsigned group = 0;
  unsigned mode = 0;  ///< with the type
};

/// Names may begin with '/'; they are looked up under the root all the same.
class Machine {
 public:
  explicit Machine(std::filesystem::path root) : root_(std::move(root)) {}

  [[nodiscard]] bool exists(const std::string& name) const;
  /// Without the white space around it; nothing if it cannot be read.
  [[nodiscard]] std::optional<std::string> read(const std::string& name) const;
  /// The last part of what the link names; empty: there is no link.
  [[nodiscard]] std::string link_name(const std::string& name) const;
  /// Names in a folder, sorted.
  [[nodiscard]] std::vector<std::string> list(const std::string& folder) const;
  [[nodiscard]] std::optional<FileOwner> owner_of(const std::string& name) const;

  /// The number after `key` on its line of a file like /proc/meminfo: "Hugepagesize:".
  [[nodiscard]] std::optional<std::uint64_t> number_in(const std::string& name,
                                                       std::string_view key, int base = 10) const;
  /// Of /etc/passwd; of this machine also those that it knows otherwise.
  [[nodiscard]] std::optional<unsigned> user_id(const std::string& user) const;
  [[nodiscard]] std::vector<unsigned> online_cpus() const;
  /// The service unit of pssstd and its drop-ins, one after the other; empty: there is none.
  [[nodiscard]] std::string unit() const;

 private:
  [[nodiscard]] std::filesystem::path path(const std::string& name) const;

  std::filesystem::path root_;
};

/// "2-4,7" of {2, 3, 4, 7}.
[[nodiscard]] std::string format_cpus(std::vector<unsigned> cpus);

/// All words that a systemd unit gives a setting; an empty value forgets those before.
[[nodiscard]] std::vector<std::string> unit_words(const std::string& unit,
                                                  const std::string& setting);

}  // namespace pssst::server
