/// The built-in handlers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "pssst/handler.hpp"

namespace pssst::server {

[[nodiscard]] bool is_handler_name(std::string_view name) noexcept;
/// "echo, discard, ack, time or count".
[[nodiscard]] std::string_view handler_names() noexcept;

/// By name:
/// - `echo` answers with the message;
/// - `discard` never replies;
/// - `ack` answers every message with the constant `reply`, which may be empty;
/// - `time` answers with the clock, in RFC 3339's form and UTC: 2026-01-31T23:59:59.999999Z;
/// - `count` answers with the number of messages that it has seen, in decimal.
/// The replies of the last two vary, so suite 1 must not serve them.
///
/// Fails for another name, for a constant with another handler than `ack`, and for one longer than
/// kReplySizeMax.
base::Result<std::unique_ptr<const Handler>> make_handler(std::string_view name,
                                                          std::span<const std::uint8_t> reply);

}  // namespace pssst::server
