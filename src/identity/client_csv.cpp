#include <algorithm>
#include <array>

#include "base/hex.hpp"
#include "identity/client_text.hpp"
#include "identity/key_file.hpp"

namespace pssst::identity {
namespace {

constexpr std::array<std::string_view, kClientFieldCount> kFieldNames{
    "key", "name", "tags", "not_before", "not_after", "metadata", "state"};

/// Takes one field, and the comma behind it if there is one, off the front of `rest`.
base::Result<std::string> take_field(std::string_view& rest, bool& more) {
  std::string field;
  if (rest.starts_with('"')) {
    std::size_t i = 1;
    for (;; ++i) {
      if (i >= rest.size()) {
        return base::fail("a quotation mark that is not closed on its line", {},
                          "close it; a record is one line");
      }
      if (rest[i] != '"') {
        field += rest[i];
      } else if (i + 1 < rest.size() && rest[i + 1] == '"') {
        field += '"';
        ++i;
      } else {
        break;
      }
    }
    rest.remove_prefix(i + 1);
    if (!rest.empty() && rest.front() != ',') {
      return base::fail("something behind a closing quotation mark", {},
                        "quote the whole field, and double quotation marks in it");
    }
  } else {
    field = rest.substr(0, rest.find(','));
    if (field.find('"') != std::string::npos) {
      return base::fail("a quotation mark within a field that is not quoted", {},
                        "quote the whole field, and double quotation marks in it");
    }
    rest.remove_prefix(field.size());
  }
  more = !rest.empty();
  if (more) rest.remove_prefix(1);
  return field;
}

void append_csv_field(std::string& text, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

}  // namespace

std::string_view to_string(ClientField field) noexcept {
  return kFieldNames.at(static_cast<std::size_t>(field));
}

std::string quote_for_error(std::string_view text) {
  constexpr std::size_t kShown = 40;
  std::string quoted = "'";
  for (const char c : text.substr(0, kShown)) quoted += c >= ' ' && c <= '~' ? c : '?';
  return quoted + (text.size() > kShown ? "...'" : "'");
}

base::Result<std::vector<std::string>> split_csv(std::string_view line) {
  std::vector<std::string> fields;
  for (bool more = true; more;) {
    auto field = take_field(line, more);
    if (!field) return tl::unexpected(std::move(field.error()));
    fields.push_back(std::move(*field));
  }
  return fields;
}

ClientLineParser::ClientLineParser(ClientFormat format) : format_(format) {
  for (std::size_t i = 0; i < kClientFieldCount; ++i) {
    columns_.push_back(static_cast<ClientField>(i));
  }
}

bool ClientLineParser::is_blank(ClientFormat format, std::string_view line) noexcept {
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || (format == ClientFormat::kCsv && line[first] == '#');
}

base::Result<bool> ClientLineParser::take_header(std::string_view line) {
  if (format_ != ClientFormat::kCsv) return false;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto names = split_csv(line);
  // A bad line is told of when it is parsed.
  if (!names || std::ranges::find(*names, kFieldNames[0]) == names->end()) return false;
  std::vector<ClientField> columns;
  for (const std::string& name : *names) {
    const auto* const found = std::ranges::find(kFieldNames, name);
    if (found == kFieldNames.end()) {
      return base::fail("there is no column " + quote_for_error(name), {},
                        "columns are key, name, tags, not_before, not_after, metadata and state");
    }
    const auto field = static_cast<ClientField>(found - kFieldNames.begin());
    if (std::ranges::find(columns, field) != columns.end()) {
      return base::fail("column " + name + " stands twice", {}, "leave one out");
    }
    columns.push_back(field);
  }
  columns_ = std::move(columns);
  named_ = true;
  return true;
}

base::Result<std::optional<ClientUpdate>> ClientLineParser::parse(std::string_view line) const {
  if (line.size() > kClientLineSizeMax) {
    return base::fail("a line of more than " + std::to_string(kClientLineSizeMax) + " bytes", {},
                      "no client needs so much: look for a missing end of line");
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_blank(format_, line)) return std::nullopt;
  if (format_ == ClientFormat::kJson) return parse_client_json(line);
  const auto fields = split_csv(line);
  if (!fields) return tl::unexpected(fields.error());
  const std::size_t n = fields->size();
  if (n > columns_.size() || (named_ && n < columns_.size())) {
    return base::fail(std::to_string(n) + " fields, and not " + std::to_string(columns_.size()), {},
                      "give each line as many as there are columns, and quote commas");
  }
  ClientUpdate update;
  for (std::size_t i = 0; i < n; ++i) {
    auto set = set_client_field(update, columns_[i], (*fields)[i]);
    if (!set) return tl::unexpected(std::move(set.error()));
  }
  if (auto window = check_client_window(update.not_before.value_or(Enrolment::kAlways),
                                        update.not_after.value_or(Enrolment::kForever));
      !window) {
    return tl::unexpected(std::move(window.error()));
  }
  return update;
}

base::Result<void> set_client_field(ClientUpdate& update, ClientField field,
                                    std::string_view text) {
  const auto store = [](auto& target, auto parsed) -> base::Result<void> {
    if (!parsed) return tl::unexpected(std::move(parsed.error()));
    target = std::move(*parsed);
    return {};
  };
  switch (field) {
    case ClientField::kKey: {
      auto key = parse_public_key(text);
      if (!key) key.error().remedy = "write the client's public key, as pssst pubkey prints it";
      return store(update.key, std::move(key));
    }
    case ClientField::kName:
      return store(update.name, parse_client_name(text));
    case ClientField::kTags:
      return store(update.tags, parse_client_tags(text));
    case ClientField::kNotBefore:
      return store(update.not_before, parse_client_time(text, TimeKind::kNotBefore));
    case ClientField::kNotAfter:
      return store(update.not_after, parse_client_time(text, TimeKind::kNotAfter));
    case ClientField::kMetadata:
      return store(update.metadata, parse_client_metadata(text));
    case ClientField::kState:
      if (text.empty()) return {};
      return store(update.revoked, parse_client_state(text));
  }
  return {};
}

std::string client_csv_header() {
  std::string header;
  for (const std::string_view name : kFieldNames) {
    header += header.empty() ? "" : ",";
    header += name;
  }
  return header + "\n";
}

void append_client_csv(std::string& text, const ClientRecord& record) {
  text += base::to_hex(record.key);
  text += ',';
  append_csv_field(text, record.name);
  text += ',';
  append_csv_field(text, record.tags);
  text += ',';
  text += format_client_time(record.not_before);
  text += ',';
  text += format_client_time(record.not_after);
  text += ',';
  text += base::to_hex(record.metadata);
  text += ',';
  text += client_state_text(record.revoked);
  text += '\n';
}

}  // namespace pssst::identity
