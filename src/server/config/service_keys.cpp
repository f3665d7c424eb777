#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "base/hex.hpp"
#include "pssst/wire.hpp"
#include "server/config/configuration_keys.hpp"
#include "server/config/credentials.hpp"
#include "server/handlers.hpp"

namespace pssst::server {
namespace {

using Reader = ValueReader;
using Node = TomlNode;
using ServiceKey = Key<ServiceDraft>;

void read_name(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::string* name = reader.expect_text(node, "a name in quotes");
  if (name == nullptr) return;
  if (!is_service_name(*name)) {
    return reader.refuse(node.place, "is " + in_quotes(*name), std::string(service_name_remedy()));
  }
  to.settings.name = *name;
}

void read_handler(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::string names(handler_names());
  const std::string* name = reader.expect_text(node, names + ", in quotes");
  if (name == nullptr) return;
  if (!is_handler_name(*name)) {
    return reader.refuse(node.place, "is " + in_quotes(*name), "choose " + names);
  }
  to.settings.handler = *name;
}

void set_reply(Reader& reader, const Node& node, std::vector<std::uint8_t> reply,
               ServiceDraft& to) {
  if (reply.size() > kReplySizeMax) {
    return reader.refuse(node.place, "has " + std::to_string(reply.size()) + " bytes",
                         "choose at most " + std::to_string(kReplySizeMax));
  }
  to.settings.reply = std::move(reply);
}

void read_reply(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::string* text = reader.expect_text(node, "the reply in quotes");
  if (text != nullptr) set_reply(reader, node, {text->begin(), text->end()}, to);
}

void read_reply_hex(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::string* text = reader.expect_text(node, "hexadecimal digits in quotes: \"00ff\"");
  if (text == nullptr) return;
  auto bytes = base::from_hex(*text);
  if (bytes) return set_reply(reader, node, std::move(*bytes), to);
  reader.refuse(node.place, "is " + in_quotes(*text), "write two hexadecimal digits for each byte");
}

/// A credential stands for its file; other paths are relative to the folder of the configuration.
void add_key_file(Reader& reader, const PlacedText& key, ServiceDraft& to) {
  base::Result<std::string> file;
  if (is_credential(key.text)) {
    file = credential_file(key.text);
  } else {
    file = reader.in_folder(key.text);
  }
  if (!file) {
    to.has_all_keys = false;
    return reader.refuse(key.place, "has " + in_quotes(key.text) + ": " + file.error().what,
                         file.error().remedy);
  }
  to.settings.key_files.push_back(std::move(*file));
  to.key_places.push_back(key.place);
}

void read_keys(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::size_t faults_before = reader.fault_count();
  const auto keys =
      reader.list(node, {.wanted = "a list of key files: [\"server.key\"]", .one_alone = true});
  to.has_all_keys = reader.fault_count() == faults_before;
  if (keys && keys->empty() && to.has_all_keys) {
    to.has_all_keys = false;
    reader.refuse(node.place, "is empty", "name a key file, as pssst genkey makes it");
  }
  for (const PlacedText& key : keys.value_or(std::vector<PlacedText>())) {
    add_key_file(reader, key, to);
  }
}

void read_suite(Reader& reader, const Node& node, ServiceDraft& to) {
  const auto* number = node.as<std::int64_t>();
  const auto* text = node.as<std::string>();
  const std::string given = number != nullptr ? std::to_string(*number)
                            : text != nullptr ? *text
                                              : std::string(kind_of(node));
  if (given == "1") {
    to.settings.suite = kSuite1;
  } else if (given == std::to_string(kSuiteF002) || given == "0xf002" || given == "0xF002") {
    to.settings.suite = kSuiteF002;
  } else {
    reader.refuse(node.place, "is " + (text != nullptr ? in_quotes(given) : given),
                  "choose 1 or 0xf002");
  }
}

void read_label(Reader& reader, const Node& node, ServiceDraft& to) {
  const std::string* label = reader.expect_text(node, "a name in quotes");
  if (label == nullptr) return;
  const std::string_view fault = fault_of({.suite = kSuiteF002, .label = *label});
  if (!fault.empty()) {
    return reader.refuse(node.place, "is " + in_quotes(*label) + ": " + std::string(fault),
                         "choose at most " + std::to_string(kLabelSizeMax) + " bytes");
  }
  to.settings.label = *label;
}

constexpr std::array kServiceKeys{
    ServiceKey{"name", read_name},
    ServiceKey{"udp_port",
               [](Reader& r, const Node& v, ServiceDraft& to) {
                 r.number<std::uint16_t>(v, 1, 65535, to.settings.udp_port);
               }},
    ServiceKey{"addresses", [](Reader& r, const Node& v,
                               ServiceDraft& to) { r.addresses(v, to.settings.addresses); }},
    ServiceKey{"handler", read_handler},
    ServiceKey{"reply", read_reply},
    ServiceKey{"reply_hex", read_reply_hex},
    ServiceKey{"keys", read_keys},
    ServiceKey{"suite", read_suite},
    ServiceKey{"label", read_label},
    ServiceKey{"policy",
               [](Reader& r, const Node& v, ServiceDraft& to) {
                 r.choice(v,
                          {{"optional", ClientPolicy::kOptional},
                           {"anonymous", ClientPolicy::kAnonymous},
                           {"required", ClientPolicy::kRequired}},
                          to.settings.policy);
               }},
    ServiceKey{"second_key",
               [](Reader& r, const Node& v, ServiceDraft& to) {
                 r.choice(v, {{"try", true}, {"no", false}}, to.settings.try_second_key);
               }},
};

}  // namespace

std::span<const Key<ServiceDraft>> service_keys() noexcept {
  return kServiceKeys;
}

}  // namespace pssst::server
