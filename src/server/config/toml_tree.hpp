/// A TOML document as a tree that knows the place of each of its parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "server/config/fault.hpp"

namespace pssst::server {

struct TomlNode;
struct TomlEntry;

/// A date or a time: no key takes one.
struct TomlDate {};
using TomlList = std::vector<TomlNode>;
/// In the order of the text.
using TomlTable = std::vector<TomlEntry>;

struct TomlNode {
  Place place;
  std::variant<std::string, std::int64_t, double, bool, TomlDate, TomlList, TomlTable> value;

  /// Null if it is something else.
  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return std::get_if<T>(&value);
  }
};

struct TomlEntry {
  std::string name;
  Place place;  ///< of the name
  TomlNode node;
};

/// "a string", "an integer", "true", "a list", ...
[[nodiscard]] std::string_view kind_of(const TomlNode& node) noexcept;

/// The whole text, or the first thing in it that is not TOML 1.0; `file` is what the fault calls
/// it.
[[nodiscard]] tl::expected<TomlTable, Fault> parse_toml(std::string_view text,
                                                        const std::string& file);

}  // namespace pssst::server
