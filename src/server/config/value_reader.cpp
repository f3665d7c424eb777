#include "server/config/value_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "server/config/service.hpp"
#include "server/cpus.hpp"

namespace pssst::server {

ValueReader::ValueReader(std::string file) : file_(std::move(file)) {}

void ValueReader::add_fault(Place place, std::string what, std::string remedy) {
  faults_.push_back({.file = file_,
                     .line = place.line,
                     .column = place.column,
                     .what = std::move(what),
                     .remedy = std::move(remedy)});
}

void ValueReader::refuse(Place place, const std::string& what, std::string remedy) {
  add_fault(place, label_ + " " + what, std::move(remedy));
}

std::vector<Fault> ValueReader::take_faults() {
  std::ranges::stable_sort(faults_, {},
                           [](const Fault& fault) { return std::tie(fault.line, fault.column); });
  return std::exchange(faults_, {});
}

void ValueReader::refuse_kind(const TomlNode& node, const std::string& wanted) {
  refuse(node.place, "is " + std::string(kind_of(node)), "write " + wanted);
}

const std::string* ValueReader::expect_text(const TomlNode& node, const std::string& wanted) {
  const auto* text = node.as<std::string>();
  if (text == nullptr) refuse_kind(node, wanted);
  return text;
}

void ValueReader::flag(const TomlNode& node, bool& out) {
  const auto* flag = node.as<bool>();
  if (flag == nullptr) return refuse_kind(node, "true or false, without quotes");
  out = *flag;
}

void ValueReader::text(const TomlNode& node, std::string& out) {
  const std::string* text = expect_text(node, "text in quotes");
  if (text == nullptr) return;
  // Nothing that these texts go to takes a NUL: it would be cut off there.
  if (text->find('\0') != std::string::npos) {
    return refuse(node.place, "is " + in_quotes(*text), "write it without a NUL");
  }
  out = *text;
}

std::string ValueReader::in_folder(const std::string& path) const {
  return (std::filesystem::path(file_).parent_path() / path).string();
}

void ValueReader::path(const TomlNode& node, std::string& out) {
  std::string path;
  text(node, path);
  if (!path.empty()) out = in_folder(path);
}

std::optional<std::int64_t> ValueReader::integer(const TomlNode& node, std::int64_t min,
                                                 std::int64_t max) {
  const std::string range = std::to_string(min) + " to " + std::to_string(max);
  const auto* value = node.as<std::int64_t>();
  if (value == nullptr) {
    refuse_kind(node, "a whole number, " + range);
    return std::nullopt;
  }
  if (*value >= min && *value <= max) return *value;
  refuse(node.place, "is " + std::to_string(*value), "choose " + range);
  return std::nullopt;
}

std::string ValueReader::canonical(const TomlNode& element, const TextForm& form) {
  const auto* given = element.as<std::string>();
  if (given == nullptr || given->empty()) {
    refuse(element.place,
           "has " + (given == nullptr ? std::string(kind_of(element)) : "an empty text"),
           given == nullptr ? "write text in quotes" : "take it out");
    return {};
  }
  std::string one;
  text(element, one);
  if (one.empty() || form.canonical == nullptr) return one;
  std::string same = form.canonical(one);
  if (same.empty()) refuse(element.place, "has " + in_quotes(one), form.remedy);
  return same;
}

std::optional<std::vector<PlacedText>> ValueReader::list(const TomlNode& node,
                                                         const TextForm& form) {
  TomlList alone;
  const auto* elements = node.as<TomlList>();
  if (elements == nullptr && form.one_alone && node.as<std::string>() != nullptr) {
    alone.push_back(node);
    elements = &alone;
  }
  if (elements == nullptr) {
    refuse_kind(node, form.wanted);
    return std::nullopt;
  }
  std::vector<PlacedText> read;
  std::vector<std::string> seen;
  for (const TomlNode& element : *elements) {
    std::string same = canonical(element, form);
    if (same.empty()) continue;
    const std::string& given = *element.as<std::string>();
    if (std::ranges::find(seen, same) != seen.end()) {
      refuse(element.place, "has " + in_quotes(given) + " twice", "take one out");
      continue;
    }
    seen.push_back(std::move(same));
    read.push_back({.text = given, .place = element.place});
  }
  return read;
}

void ValueReader::texts(const TomlNode& node, std::vector<std::string>& out, const TextForm& form) {
  auto read = list(node, form);
  if (!read) return;
  out.clear();
  for (PlacedText& one : *read) out.push_back(std::move(one.text));
}

void ValueReader::addresses(const TomlNode& node, std::vector<std::string>& out) {
  texts(node, out,
        {.canonical =
             [](const std::string& text) {
               const auto address = parse_address(text);
               return address ? to_string(*address) : std::string();
             },
         .wanted = R"(a list of addresses: ["192.0.2.1", "2001:db8::1"])",
         .remedy = "write a numeric IPv4 or IPv6 address"});
}

void ValueReader::pci_devices(const TomlNode& node, std::vector<std::string>& out) {
  texts(node, out,
        {.canonical =
             [](const std::string& text) { return is_pci_address(text) ? text : std::string(); },
         .wanted = "a list of PCI addresses: [\"0000:81:00.0\"]",
         .remedy = "write a PCI address like 0000:81:00.0 (lspci -D)"});
}

void ValueReader::seconds(const TomlNode& node, std::chrono::seconds min, std::chrono::seconds max,
                          std::chrono::seconds& out) {
  const std::string* text = expect_text(node, "a time in quotes: \"30s\"");
  if (text == nullptr) return;
  const std::string range =
      "choose \"" + std::to_string(min.count()) + "s\" to \"" + std::to_string(max.count()) + "s\"";
  const auto duration = parse_duration(*text);
  if (!duration) {
    return refuse(node.place, "is " + in_quotes(*text), "write a number and its unit: \"30s\"");
  }
  const auto whole = std::chrono::floor<std::chrono::seconds>(*duration);
  if (whole != *duration)
    return refuse(node.place, "is " + in_quotes(*text), "choose whole seconds");
  if (whole < min || whole > max) return refuse(node.place, "is " + in_quotes(*text), range);
  out = whole;
}

void ValueReader::mode(const TomlNode& node, unsigned& out) {
  const std::string* text = expect_text(node, "a mode in quotes, in octal digits: \"0660\"");
  if (text == nullptr) return;
  const auto mode = parse_mode(*text);
  if (!mode) {
    return refuse(node.place, "is " + in_quotes(*text), "write a mode in octal digits: \"0660\"");
  }
  out = *mode;
}

void ValueReader::cpus(const TomlNode& node, std::vector<unsigned>& out) {
  std::string text;
  if (const auto* list = node.as<TomlList>()) {
    for (const TomlNode& element : *list) {
      const auto* cpu = element.as<std::int64_t>();
      if (cpu == nullptr) return refuse_kind(element, "CPU numbers: [2, 3]");
      text += (text.empty() ? "" : ",") + std::to_string(*cpu);
    }
  } else if (const std::string* given = expect_text(node, "CPU numbers like \"0,2-3\"")) {
    text = *given;
  } else {
    return;
  }
  if (text.empty()) return out.clear();
  auto cpus = parse_cpu_list(text);
  if (!cpus) {
    return refuse(node.place, "is " + in_quotes(text) + ": " + cpus.error().what,
                  cpus.error().remedy);
  }
  out = std::move(*cpus);
}

}  // namespace pssst::server
