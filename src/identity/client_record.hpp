/// An enrolled client as the store has it, and what its fields may be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "identity/table_shard.hpp"
#include "pssst/handler.hpp"
#include "pssst/keys.hpp"

namespace pssst::identity {

inline constexpr std::size_t kClientNameSizeMax = 128;  ///< bytes
inline constexpr std::size_t kClientTagSizeMax = 64;
inline constexpr std::size_t kClientTagsSizeMax = 512;  ///< all of a client, with spaces between
/// Keys of one name that may be enrolled at a time: the old one and the new one, while a device
/// changes its key.
inline constexpr std::size_t kKeysPerClientMax = 2;

struct ClientRecord {
  PublicKey key{};
  std::string name{};  ///< of the device; may be empty
  std::string tags{};  ///< sorted, with one space between
  std::int64_t not_before = Enrolment::kAlways;
  std::int64_t not_after = Enrolment::kForever;
  std::vector<std::uint8_t> metadata{};
  bool revoked = false;
};

/// What is to be written about a client. What is not set stays as it is, and is as ClientRecord has
/// it if the client is new.
struct ClientUpdate {
  PublicKey key{};
  std::optional<std::string> name{};
  std::optional<std::string> tags{};
  std::optional<std::int64_t> not_before{};
  std::optional<std::int64_t> not_after{};
  std::optional<std::vector<std::uint8_t>> metadata{};
  std::optional<bool> revoked{};
};

// Fields from text. The error's `where` is left to the caller.

/// UTF-8 without control characters and without spaces at its ends.
[[nodiscard]] base::Result<std::string> parse_client_name(std::string_view text);
/// Words with white space between; letters, digits and ._:=@/+-
[[nodiscard]] base::Result<std::string> parse_client_tags(std::string_view text);
/// An even number of hexadecimal digits, 128 at most.
[[nodiscard]] base::Result<std::vector<std::uint8_t>> parse_client_metadata(std::string_view text);
/// "enrolled" or "revoked"; true if revoked.
[[nodiscard]] base::Result<bool> parse_client_state(std::string_view text);

enum class TimeKind : std::uint8_t { kNotBefore, kNotAfter };
/// "2026-01-31T12:00:00Z", "2026-01-31" (its first second, or as kNotAfter its last) or seconds
/// since 1970; UTC, from 1970 to 2105. Empty: no bound, Enrolment::kAlways or kForever.
[[nodiscard]] base::Result<std::int64_t> parse_client_time(std::string_view text, TimeKind kind);
/// As parse_client_time() takes it, to the second.
[[nodiscard]] std::string format_client_time(std::int64_t seconds);

/// An error if nothing is between the two.
[[nodiscard]] base::Result<void> check_client_window(std::int64_t not_before,
                                                     std::int64_t not_after);

[[nodiscard]] std::string_view client_state_text(bool revoked) noexcept;

/// Whether `text` is well-formed UTF-8 (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace pssst::identity
