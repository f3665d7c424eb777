/// The keys that say which handler: of a service, and of each of its message types.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "server/config/service.hpp"
#include "server/config/toml_tree.hpp"
#include "server/config/value_reader.hpp"

namespace pssst::server {

/// Where what they say goes.
struct HandlerTarget {
  std::string& handler;
  std::vector<std::uint8_t>& reply;
  HandlerOptions& options;
};

struct HandlerKey {
  const char* name;
  void (*read)(ValueReader& reader, const TomlNode& value, HandlerTarget target);
};

extern const std::array<HandlerKey, 8> handler_keys;

/// The value of `types`: one table, as [[service.types]], for each.
void read_message_types(ValueReader& reader, const TomlNode& node,
                        std::vector<MessageTypeSettings>& types);

}  // namespace pssst::server
