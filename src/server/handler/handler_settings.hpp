/// What operators write about handlers, on a command line or in a file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

/// The handlers that are not built in.
inline constexpr std::string_view kLibraryHandler = "library";
inline constexpr std::string_view kForwardHandler = "forward";

inline constexpr std::chrono::milliseconds kDeadlineMax{60'000};
inline constexpr std::size_t kInFlightMax = 16'384;
inline constexpr std::size_t kBackendsMax = 64;

/// Built in or not.
[[nodiscard]] bool is_known_handler(std::string_view name) noexcept;
/// "echo, discard, ack, time, count, library or forward".
[[nodiscard]] std::string known_handlers();

struct TypeRange {
  std::uint8_t first = 0;
  std::uint8_t last = 0;
};
/// "7", "0x07", "0x10-0x1f".
[[nodiscard]] std::optional<TypeRange> parse_message_types(std::string_view text);

/// Whether the handler of this name takes what is said of it, and has what it needs; looks at no
/// file. `where` is what an Error calls it.
base::Result<void> check_handler_settings(std::string_view handler,
                                          const std::vector<std::uint8_t>& reply,
                                          const HandlerOptions& options, const std::string& where);

}  // namespace pssst::server
