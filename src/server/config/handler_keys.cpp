#include "server/config/handler_keys.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/hex.hpp"
#include "pssst/wire.hpp"
#include "server/config/value_text.hpp"
#include "server/handler/handler_settings.hpp"

namespace pssst::server {
namespace {

using Reader = ValueReader;
using Node = TomlNode;

constexpr std::string_view kTypesLabel = "[[service.types]]";

void read_handler(Reader& reader, const Node& node, HandlerTarget to) {
  const std::string names = known_handlers();
  const std::string* name = reader.expect_text(node, names + ", in quotes");
  if (name == nullptr) return;
  if (!is_known_handler(*name)) {
    return reader.refuse(node.place, "is " + in_quotes(*name), "choose " + names);
  }
  to.handler = *name;
}

void set_reply(Reader& reader, const Node& node, std::vector<std::uint8_t> reply,
               HandlerTarget to) {
  if (reply.size() > kReplySizeMax) {
    return reader.refuse(node.place, "has " + std::to_string(reply.size()) + " bytes",
                         "choose at most " + std::to_string(kReplySizeMax));
  }
  to.reply = std::move(reply);
}

void read_reply(Reader& reader, const Node& node, HandlerTarget to) {
  const std::string* text = reader.expect_text(node, "the reply in quotes");
  if (text != nullptr) set_reply(reader, node, {text->begin(), text->end()}, to);
}

void read_reply_hex(Reader& reader, const Node& node, HandlerTarget to) {
  const std::string* text = reader.expect_text(node, "hexadecimal digits in quotes: \"00ff\"");
  if (text == nullptr) return;
  auto bytes = base::from_hex(*text);
  if (bytes) return set_reply(reader, node, std::move(*bytes), to);
  reader.refuse(node.place, "is " + in_quotes(*text), "write two hexadecimal digits for each byte");
}

void read_options(Reader& reader, const Node& node, HandlerTarget to) {
  const auto* table = node.as<TomlTable>();
  if (table == nullptr) {
    return reader.refuse(node.place, "is " + std::string(kind_of(node)),
                         "write names and values: { table = \"meters\" }");
  }
  for (const TomlEntry& entry : *table) {
    const auto* text = entry.node.as<std::string>();
    if (text == nullptr) {
      reader.refuse(entry.node.place,
                    "has " + entry.name + " = " + std::string(kind_of(entry.node)),
                    "write its value in quotes");
    } else {
      to.options.options.emplace_back(entry.name, *text);
    }
  }
}

/// '@' begins a name that is no path.
void read_backends(Reader& reader, const Node& node, HandlerTarget to) {
  reader.texts(node, to.options.backends,
               {.wanted = "a list of sockets: [\"/run/backend.sock\"]", .one_alone = true});
  for (std::string& backend : to.options.backends) {
    if (!backend.starts_with('@')) backend = reader.in_folder(backend);
  }
}

/// The key that faults call by its section and name.
void read_entry(Reader& reader, const TomlEntry& entry, MessageTypeSettings& types) {
  reader.begin_key(std::string(kTypesLabel) + " " + entry.name);
  if (entry.name == "type") {
    const auto* number = entry.node.as<std::int64_t>();
    const auto* text = entry.node.as<std::string>();
    const std::string given = number != nullptr ? std::to_string(*number)
                              : text != nullptr ? *text
                                                : std::string(kind_of(entry.node));
    const auto range = parse_message_types(given);
    if (!range) {
      return reader.refuse(entry.node.place, "is " + (text != nullptr ? in_quotes(given) : given),
                           "write a first byte, like 7 or 0x07, or a range, like \"0x10-0x1f\"");
    }
    types.first = range->first;
    types.last = range->last;
    return;
  }
  const auto* const key = std::ranges::find(handler_keys, entry.name, &HandlerKey::name);
  if (key == handler_keys.end()) {
    return reader.add_fault(entry.place,
                            std::string(kTypesLabel) + " has no key " + in_quotes(entry.name),
                            "there are type and the keys of a handler");
  }
  key->read(reader, entry.node, {types.handler, types.reply, types.options});
}

}  // namespace

const std::array<HandlerKey, 8> handler_keys{
    HandlerKey{"handler", read_handler},
    HandlerKey{"reply", read_reply},
    HandlerKey{"reply_hex", read_reply_hex},
    HandlerKey{"library",
               [](Reader& r, const Node& v, HandlerTarget to) { r.path(v, to.options.library); }},
    HandlerKey{"options", read_options},
    HandlerKey{"backends", read_backends},
    HandlerKey{"deadline_ms",
               [](Reader& r, const Node& v, HandlerTarget to) {
                 auto ms = static_cast<std::int64_t>(to.options.deadline.count());
                 r.number<std::int64_t>(v, 1, kDeadlineMax.count(), ms);
                 to.options.deadline = std::chrono::milliseconds(ms);
               }},
    HandlerKey{"in_flight",
               [](Reader& r, const Node& v, HandlerTarget to) {
                 r.number<std::size_t>(v, 1, kInFlightMax, to.options.in_flight);
               }},
};

void read_message_types(Reader& reader, const Node& node, std::vector<MessageTypeSettings>& types) {
  const auto* list = node.as<TomlList>();
  const auto is_table = [](const TomlNode& one) { return one.as<TomlTable>() != nullptr; };
  if (list == nullptr || !std::ranges::all_of(*list, is_table)) {
    return reader.refuse(node.place, "is " + std::string(kind_of(node)),
                         "write [[service.types]] below the service, once for each");
  }
  for (const TomlNode& one : *list) {
    const TomlTable& table = *one.as<TomlTable>();
    MessageTypeSettings read;
    const std::size_t faults_before = reader.fault_count();
    for (const TomlEntry& entry : table) read_entry(reader, entry, read);
    for (const char* needed : {"type", "handler"}) {
      if (std::ranges::find(table, needed, &TomlEntry::name) != table.end()) continue;
      reader.add_fault(one.place, std::string(kTypesLabel) + " has no " + needed,
                       "write one: type = 1, handler = \"echo\"");
    }
    if (reader.fault_count() > faults_before) continue;
    if (auto fit = check_handler_settings(read.handler, read.reply, read.options,
                                          std::string(kTypesLabel));
        !fit) {
      reader.add_fault(one.place, fit.error().where + ": " + fit.error().what, fit.error().remedy);
      continue;
    }
    types.push_back(std::move(read));
  }
}

}  // namespace pssst::server
