#include <nlohmann/json.hpp>
#include <utility>

#include "base/hex.hpp"
#include "identity/client_text.hpp"

namespace pssst::identity {
namespace {

using Json = nlohmann::json;

/// Takes a line's events one by one: nothing of an object that is too large, too deep or not what
/// it should be is ever built. Returns false where it wants no more.
class ClientHandler {
 public:
  // What nlohmann's reader calls.
  bool null() { return in_tags_ ? wrong_kind() : at_member() && set({}); }
  bool boolean(bool /*value*/) { return wrong_kind(); }
  bool number_integer(Json::number_integer_t value) { return number(std::to_string(value)); }
  bool number_unsigned(Json::number_unsigned_t value) { return number(std::to_string(value)); }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*text*/) {
    return wrong_kind();
  }
  bool string(std::string& value);
  bool binary(Json::binary_t& /*value*/) { return wrong_kind(); }
  bool start_object(std::size_t /*size*/);
  bool key(std::string& name);
  static bool end_object() { return true; }
  bool start_array(std::size_t /*size*/);
  bool end_array();
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const Json::exception& /*error*/);

  [[nodiscard]] base::Result<ClientUpdate> finish() &&;

 private:
  bool refuse(std::string what,
              std::string remedy = "write an object as pssst identity export does") {
    error_ = {.what = std::move(what), .where = {}, .remedy = std::move(remedy)};
    return false;
  }
  bool at_member() { return started_ || refuse("no object, but something else"); }
  bool wrong_kind() {
    return at_member() &&
           refuse("a value of a kind that " + std::string(to_string(field_)) + " cannot have");
  }
  bool set(std::string_view text) {
    auto done = set_client_field(update_, field_, text);
    return done || refuse(std::move(done.error().what), std::move(done.error().remedy));
  }
  bool number(const std::string& text) {
    const bool is_time = field_ == ClientField::kNotBefore || field_ == ClientField::kNotAfter;
    return started_ && is_time && !in_tags_ ? set(text) : wrong_kind();
  }
  [[nodiscard]] unsigned bit() const noexcept { return 1U << static_cast<unsigned>(field_); }

  ClientUpdate update_;
  ClientField field_ = ClientField::kKey;
  unsigned seen_ = 0;  ///< a bit for each field
  bool started_ = false;
  bool in_tags_ = false;
  bool has_key_ = false;
  std::string tags_;
  std::optional<base::Error> error_;
};

bool ClientHandler::string(std::string& value) {
  if (!at_member()) return false;
  if (field_ != ClientField::kTags) {
    has_key_ = has_key_ || field_ == ClientField::kKey;
    return set(value);
  }
  if (!in_tags_) return wrong_kind();
  if (value.find_first_of(" \t") != std::string::npos || value.empty()) {
    return refuse("a tag that is empty or has a space", "write each tag as a string of its own");
  }
  tags_ += value + " ";
  return true;
}

bool ClientHandler::start_object(std::size_t /*size*/) {
  if (started_) return wrong_kind();
  started_ = true;
  return true;
}

bool ClientHandler::key(std::string& name) {
  for (std::size_t i = 0; i < kClientFieldCount; ++i) {
    field_ = static_cast<ClientField>(i);
    if (to_string(field_) != name) continue;
    if ((seen_ & bit()) != 0) return refuse("member " + name + " stands twice", "leave one out");
    seen_ |= bit();
    return true;
  }
  return refuse("there is no member " + quote_for_error(name),
                "members are key, name, tags, not_before, not_after, metadata and state");
}

bool ClientHandler::start_array(std::size_t /*size*/) {
  if (!started_ || field_ != ClientField::kTags || in_tags_) return at_member() && wrong_kind();
  in_tags_ = true;
  return true;
}

bool ClientHandler::end_array() {
  in_tags_ = false;
  return set(tags_);
}

bool ClientHandler::parse_error(std::size_t position, const std::string& /*token*/,
                                const Json::exception& /*error*/) {
  return refuse("not JSON from byte " + std::to_string(position) + " on",
                "write one object a line, in UTF-8");
}

base::Result<ClientUpdate> ClientHandler::finish() && {
  if (error_) return tl::unexpected(std::move(*error_));
  if (!has_key_) {
    return base::fail("no key", {}, "write the client's public key, as pssst pubkey prints it");
  }
  if (auto window = check_client_window(update_.not_before.value_or(Enrolment::kAlways),
                                        update_.not_after.value_or(Enrolment::kForever));
      !window) {
    return tl::unexpected(std::move(window.error()));
  }
  return std::move(update_);
}

void append_json_string(std::string& text, std::string_view value) {
  // Whatever another program wrote into the store: what is not UTF-8 is replaced.
  text += Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_name(std::string& text, ClientField field) {
  text += ",\"";
  text += to_string(field);
  text += "\":";
}

void append_member(std::string& text, ClientField field, std::string_view value) {
  append_name(text, field);
  append_json_string(text, value);
}

void append_time(std::string& text, ClientField field, std::int64_t seconds) {
  const std::string time = format_client_time(seconds);
  append_name(text, field);
  text += time.empty() ? "null" : '"' + time + '"';
}

}  // namespace

base::Result<ClientUpdate> parse_client_json(std::string_view line) {
  ClientHandler handler;
  static_cast<void>(Json::sax_parse(line, &handler));
  return std::move(handler).finish();
}

void append_client_json(std::string& text, const ClientRecord& record) {
  text += R"({"key":")";
  text += base::to_hex(record.key);
  text += '"';
  append_member(text, ClientField::kName, record.name);
  text += R"(,"tags":[)";
  for (std::string_view rest = record.tags; !rest.empty();) {
    const std::string_view tag = rest.substr(0, rest.find(' '));
    if (rest.size() < record.tags.size()) text += ',';
    append_json_string(text, tag);
    rest.remove_prefix(std::min(tag.size() + 1, rest.size()));
  }
  text += ']';
  append_time(text, ClientField::kNotBefore, record.not_before);
  append_time(text, ClientField::kNotAfter, record.not_after);
  append_member(text, ClientField::kMetadata, base::to_hex(record.metadata));
  append_member(text, ClientField::kState, client_state_text(record.revoked));
  text += "}\n";
}

}  // namespace pssst::identity
