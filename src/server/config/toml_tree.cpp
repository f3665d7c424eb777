#include "server/config/toml_tree.hpp"

// The library in this file alone: its own objects would bring its exceptions.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
// It asserts what a text may violate ("[=") and goes on well where assertions are off.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pssst::server {
namespace {

Place place_of(const toml::source_region& region) noexcept {
  return {.line = region.begin.line, .column = region.begin.column};
}

TomlNode convert(const toml::node& node);

TomlTable convert_table(const toml::table& table) {
  TomlTable entries;
  for (const auto& [key, node] : table) {
    entries.push_back(
        {.name = std::string(key.str()), .place = place_of(key.source()), .node = convert(node)});
  }
  // The library keeps them by name.
  std::ranges::stable_sort(entries, {}, &TomlEntry::place);
  return entries;
}

// As deep as the library lets a document be.
TomlNode convert(const toml::node& node) {
  TomlNode converted{.place = place_of(node.source()), .value = TomlDate{}};
  if (const auto* text = node.as_string()) converted.value = text->get();
  if (const auto* integer = node.as_integer()) converted.value = integer->get();
  if (const auto* number = node.as_floating_point()) converted.value = number->get();
  if (const auto* flag = node.as_boolean()) converted.value = flag->get();
  if (const auto* table = node.as_table()) converted.value = convert_table(*table);
  if (const auto* array = node.as_array()) {
    TomlList list;
    for (const toml::node& element : *array) list.push_back(convert(element));
    converted.value = std::move(list);
  }
  return converted;
}

struct Remedy {
  std::string_view described;  ///< what the library says of it, in part
  const char* remedy;
};

constexpr std::array kRemedies{
    Remedy{"cannot redefine", "a name stands once: take one of the two away"},
    Remedy{"could not determine value type", "write text in quotes"},
    Remedy{"leading zeroes", "write what begins with 0 in quotes, as text"},
    Remedy{"expected value", "write the value behind the ="},
    Remedy{"expected '='", "write NAME = VALUE"},
    Remedy{"encountered end-of-file", "end what was begun"},
    Remedy{"utf-8", "write the file in UTF-8"},
};

std::string remedy_of(std::string_view description) {
  for (const Remedy& remedy : kRemedies) {
    if (description.find(remedy.described) != std::string_view::npos) return remedy.remedy;
  }
  return "see pssstd.toml(5) for the form";
}

}  // namespace

std::string_view kind_of(const TomlNode& node) noexcept {
  constexpr std::array<std::string_view, 7> kKinds{
      "a string", "an integer", "a number with a point", "true or false", "a date or time",
      "a list",   "a table"};
  return kKinds.at(node.value.index());
}

tl::expected<TomlTable, Fault> parse_toml(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (parsed) return convert_table(parsed.table());
  const toml::parse_error& error = parsed.error();
  std::string_view description = error.description();
  constexpr std::string_view kBefore = "Error while parsing ";
  if (description.starts_with(kBefore)) description.remove_prefix(kBefore.size());
  const Place place = place_of(error.source());
  return tl::unexpected(Fault{.file = file,
                              .line = place.line,
                              .column = place.column,
                              .what = "not TOML: " + std::string(description),
                              .remedy = remedy_of(description)});
}

}  // namespace pssst::server
