#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "pssst/wire.hpp"
#include "server/config/configuration_keys.hpp"
#include "server/config/credentials.hpp"
#include "server/config/handler_keys.hpp"

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

/// The handler key of that index, for a service.
template <std::size_t Index>
constexpr ServiceKey handler_key(const char* name) {
  return {name, [](Reader& reader, const Node& node, ServiceDraft& to) {
            handler_keys[Index].read(reader, node,
                                     {to.settings.handler, to.settings.reply, to.settings.options});
          }};
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

void read_reply_limit(Reader& reader, const Node& node, ServiceDraft& to) {
  const auto* whole = node.as<std::int64_t>();
  const auto* fraction = node.as<double>();
  if (whole == nullptr && fraction == nullptr) {
    return reader.refuse(node.place, "is " + std::string(kind_of(node)),
                         "write a number, 1 to 3: reply_limit = 1.5");
  }
  const auto percent =
      reply_limit_percent(whole != nullptr ? static_cast<double>(*whole) : *fraction);
  if (!percent) {
    return reader.refuse(node.place, "is not 1 to 3 in hundredths",
                         "write how many times as long as its request a reply may be, like 1.5");
  }
  to.settings.reply_limit = *percent;
}

constexpr std::array kServiceKeys{
    ServiceKey{"name", read_name},
    ServiceKey{"udp_port",
               [](Reader& r, const Node& v, ServiceDraft& to) {
                 r.number<std::uint16_t>(v, 1, 65535, to.settings.udp_port);
               }},
    ServiceKey{"addresses", [](Reader& r, const Node& v,
                               ServiceDraft& to) { r.addresses(v, to.settings.addresses); }},
    handler_key<0>("handler"),
    handler_key<1>("reply"),
    handler_key<2>("reply_hex"),
    handler_key<3>("library"),
    handler_key<4>("options"),
    handler_key<5>("backends"),
    handler_key<6>("deadline_ms"),
    handler_key<7>("in_flight"),
    ServiceKey{"types",
               [](Reader& r, const Node& v, ServiceDraft& to) {
                 const std::size_t faults_before = r.fault_count();
                 read_message_types(r, v, to.settings.types);
                 to.has_all_types = r.fault_count() == faults_before;
               }},
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
    ServiceKey{"reply_limit", read_reply_limit},
};

}  // namespace

std::span<const Key<ServiceDraft>> service_keys() noexcept {
  return kServiceKeys;
}

}  // namespace pssst::server
