/// What stands in the strings of a configuration file.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pssst::server {

/// "500ms", "30s", "2m", "1h": a whole number and its unit.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "0660": a leading 0 and one to three octal digits.
[[nodiscard]] std::optional<unsigned> parse_mode(std::string_view text);

struct ListenAddress {
  std::string address;  ///< numeric, IPv4 or IPv6
  std::uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
};

/// "127.0.0.1:9477" or "[::1]:9477".
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

/// "0000:81:00.0", lower case, as lspci -D prints it.
[[nodiscard]] bool is_pci_address(std::string_view text) noexcept;

/// "1 service", "2 services".
[[nodiscard]] std::string counted(std::size_t n, const std::string& noun);

/// In quotes, for people: bytes that would leave the line as "\x0a", and cut short if it is long.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The one of `names` that `text` was probably meant to be; empty: none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view text,
                                            std::span<const std::string_view> names);

}  // namespace pssst::server
