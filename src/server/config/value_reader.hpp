/// Reads the values of a configuration file and writes down what is wrong with them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/toml_tree.hpp"
#include "server/config/value_text.hpp"
#include "server/option_text.hpp"

namespace pssst::server {

/// What texts of a list must look like.
struct TextForm {
  /// The same for all spellings of one thing; empty for what is of another form. Null: any text.
  std::string (*canonical)(const std::string& text) = nullptr;
  std::string wanted = R"(a list of texts: ["...", "..."])";
  std::string remedy{};    ///< for a text of another form
  bool one_alone = false;  ///< one text without a list will do
};

struct PlacedText {
  std::string text;
  Place place;
};

/// Its readers set `out` to what a value says, or write a fault down and leave it alone.
class ValueReader {
 public:
  explicit ValueReader(std::string file);

  /// The key whose value is read next, as faults call it: "[port] kind".
  void begin_key(std::string label) { label_ = std::move(label); }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }
  /// What is wrong with the key that is being read: "is 70000".
  void refuse(Place place, const std::string& what, std::string remedy);
  void add_fault(Place place, std::string what, std::string remedy);
  [[nodiscard]] std::size_t fault_count() const noexcept { return faults_.size(); }
  /// In the order of the text.
  [[nodiscard]] std::vector<Fault> take_faults();

  void flag(const TomlNode& node, bool& out);
  /// May be empty, if that says something.
  void text(const TomlNode& node, std::string& out);
  /// Relative to the file's folder. Empty stays empty.
  void path(const TomlNode& node, std::string& out);
  [[nodiscard]] std::string in_folder(const std::string& path) const;
  template <class T>
  void number(const TomlNode& node, T min, T max, T& out);
  /// Texts that are not empty, none twice.
  void texts(const TomlNode& node, std::vector<std::string>& out, const TextForm& form = {});
  /// The same, with their places. Nothing: it is no list.
  std::optional<std::vector<PlacedText>> list(const TomlNode& node, const TextForm& form);
  template <class T>
  void choice(const TomlNode& node, std::initializer_list<Choice<T>> choices, T& out);
  void seconds(const TomlNode& node, std::chrono::seconds min, std::chrono::seconds max,
               std::chrono::seconds& out);
  /// "0660".
  void mode(const TomlNode& node, unsigned& out);
  void cpus(const TomlNode& node, std::vector<unsigned>& out);
  /// Numeric, IPv4 and IPv6, none twice.
  void addresses(const TomlNode& node, std::vector<std::string>& out);
  void pci_devices(const TomlNode& node, std::vector<std::string>& out);

  /// The node as a text; null, and a fault that asks for `wanted`, if it is none.
  const std::string* expect_text(const TomlNode& node, const std::string& wanted);

 private:
  /// Of an element; empty after a fault.
  std::string canonical(const TomlNode& element, const TextForm& form);
  void refuse_kind(const TomlNode& node, const std::string& wanted);
  std::optional<std::int64_t> integer(const TomlNode& node, std::int64_t min, std::int64_t max);

  std::string file_;
  std::string label_;
  std::vector<Fault> faults_;
};

template <class T>
void ValueReader::number(const TomlNode& node, T min, T max, T& out) {
  const auto value = integer(node, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max));
  if (value) out = static_cast<T>(*value);
}

template <class T>
void ValueReader::choice(const TomlNode& node, std::initializer_list<Choice<T>> choices, T& out) {
  std::string names;
  for (const Choice<T>& choice : choices) {
    names += (names.empty() ? "" : " or ") + in_quotes(choice.name);
  }
  const std::string* text = expect_text(node, names);
  if (text == nullptr) return;
  for (const Choice<T>& choice : choices) {
    if (choice.name != *text) continue;
    out = choice.value;
    return;
  }
  refuse(node.place, "is " + in_quotes(*text), "choose " + names);
}

}  // namespace pssst::server
