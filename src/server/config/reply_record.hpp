/// The one reply function of a suite 1 key, remembered beside the key's file: a key that has
/// answered must never answer otherwise (src/protocol/README.md, section 3.1).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/keys.hpp"

namespace pssst::server {

/// What decides a service's replies: the handler, its version and settings, and the longest reply.
struct ReplyFunction {
  std::string digest;       ///< 64 hexadecimal digits
  std::string description;  ///< for people, one line: "echo, version 1, replies to 1420 bytes"
};

base::Result<ReplyFunction> reply_function_of(const HandlerTraits& traits,
                                              std::span<const std::uint8_t> settings);

/// Where the record of the key in `key_file` is kept: beside the file itself, wherever symbolic
/// links to it may be. A hard link or a copy of the file has a record of its own.
[[nodiscard]] std::string reply_record_path(const std::string& key_file);

/// At the key's first use appends a line to the record; later compares. Refuses another function
/// than the recorded one, a record that it cannot read or does not understand to its last byte, and
/// a first use that it cannot write down (the error says the line to write). Servers that start at
/// once on one record take turns.
base::Result<void> hold_reply_function(const std::string& key_file, const PublicKey& key,
                                       const ReplyFunction& function);

}  // namespace pssst::server
