/// Lower-case hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pssst::base {

[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

/// Either case; nothing but digits. Empty if `text` is anything else or of odd length.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

/// Exactly bytes.size() * 2 digits; on failure returns false and zeroes `bytes`. Free of branches
/// and table look-ups on the digits' values, so fit for keys.
[[nodiscard]] bool from_hex(std::string_view text, std::span<std::uint8_t> bytes) noexcept;

}  // namespace pssst::base
