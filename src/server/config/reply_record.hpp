/// The one reply function of a suite 1 key, remembered beside the key's file or in the server's
/// state directory: a key that has answered must never answer otherwise (src/protocol/README.md,
/// section 3.1).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/keys.hpp"

namespace pssst::server {

/// What decides a service's replies: the handler, its version and settings, and the longest reply.
/// Not the service's reply limit, which compares lengths and makes silence of an answer: a reload
/// may change it, and no request is ever answered with a second text.
struct ReplyFunction {
  std::string digest;       ///< 64 hexadecimal digits
  std::string description;  ///< for people, one line: "echo, version 1, replies to 1420 bytes"
};

base::Result<ReplyFunction> reply_function_of(const HandlerTraits& traits,
                                              std::span<const std::uint8_t> settings);

/// Where the record of the key in `key_file` is kept: one file for all keys in `state_directory`,
/// or, if that is empty, beside the key file itself, wherever symbolic links to it may be. A hard
/// link or a copy of the file has a record of its own there.
[[nodiscard]] std::string reply_record_path(const std::string& key_file,
                                            const std::string& state_directory = {});

/// At the key's first use appends a line to the record; later compares. Refuses another function
/// than the recorded one, a record that it cannot read or does not understand to its last byte, and
/// a first use that it cannot write down (the error says the line to write). Servers that start at
/// once on one record take turns. A record beside the key file counts also where there is a state
/// directory: the server may have had none before.
base::Result<void> hold_reply_function(const std::string& key_file, const PublicKey& key,
                                       const ReplyFunction& function,
                                       const std::string& state_directory = {});

/// Refuses what hold_reply_function() would refuse, but for what it could not write. Writes
/// nothing.
base::Result<void> check_reply_function(const std::string& key_file, const PublicKey& key,
                                        const ReplyFunction& function,
                                        const std::string& state_directory = {});

}  // namespace pssst::server
