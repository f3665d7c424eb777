#include "identity/client_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/hex.hpp"

namespace pssst::identity {
namespace {

constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::int64_t kYearMin = 1970;
constexpr std::int64_t kYearMax = 2105;  ///< the table counts seconds in 32 bits

constexpr const char* kTimeRemedy =
    "write 2026-01-31T12:00:00Z, 2026-01-31 or seconds since 1970, of the years 1970 to 2105";

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_tag_character(char c) noexcept {
  const auto lower = static_cast<char>(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'z') ||
         std::string_view("._:=@/+-").find(c) != std::string_view::npos;
}

/// A digit for each '0' of `pattern`, and what else stands there itself.
bool has_form(std::string_view text, std::string_view pattern) noexcept {
  return std::ranges::equal(text, pattern,
                            [](char c, char p) { return p == '0' ? is_digit(c) : c == p; });
}

std::int64_t number_at(std::string_view text, std::size_t first, std::size_t size) noexcept {
  std::int64_t number = 0;
  for (const char c : text.substr(first, size)) number = 10 * number + (c - '0');
  return number;
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  using namespace std::chrono;
  const year_month_day date{year{static_cast<int>(number_at(text, 0, 4))},
                            month{static_cast<unsigned>(number_at(text, 5, 2))},
                            day{static_cast<unsigned>(number_at(text, 8, 2))}};
  const auto y = static_cast<int>(date.year());
  if (!date.ok() || y < kYearMin || y > kYearMax) return std::nullopt;
  return sys_days{date}.time_since_epoch().count() * kSecondsPerDay;
}

std::optional<std::int64_t> parse_clock(std::string_view text) noexcept {
  const std::int64_t hours = number_at(text, 0, 2);
  const std::int64_t minutes = number_at(text, 3, 2);
  const std::int64_t seconds = number_at(text, 6, 2);
  if (hours > 23 || minutes > 59 || seconds > 59) return std::nullopt;
  return hours * 3600 + minutes * 60 + seconds;
}

std::optional<std::int64_t> parse_time(std::string_view text, TimeKind kind) noexcept {
  if (has_form(text, "0000-00-00")) {
    const auto date = parse_date(text);
    if (!date) return std::nullopt;
    return *date + (kind == TimeKind::kNotAfter ? kSecondsPerDay - 1 : 0);
  }
  if (has_form(text, "0000-00-00T00:00:00Z")) {
    const auto date = parse_date(text);
    const auto clock = parse_clock(text.substr(11));
    if (!date || !clock) return std::nullopt;
    return *date + *clock;
  }
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (seconds < 0 || seconds >= *parse_date("2105-12-31") + kSecondsPerDay) return std::nullopt;
  return seconds;
}

/// Bytes of the well-formed character at the front of `text`, which is not empty; 0: none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    // Neither longer than need be nor a surrogate.
    const bool second = continues(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return second && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool second = continues(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool has_control_characters(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return true;
    // U+0080 to U+009F are control characters as well.
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

base::Result<std::string> parse_client_name(std::string_view text) {
  if (text.size() > kClientNameSizeMax) {
    return base::fail("a name of " + std::to_string(text.size()) + " bytes", {},
                      "give it " + std::to_string(kClientNameSizeMax) + " bytes at most");
  }
  if (!is_utf8(text)) return base::fail("the name is not UTF-8", {}, "write it in UTF-8");
  if (has_control_characters(text)) {
    return base::fail("a control character in the name", {}, "leave it out");
  }
  if (text.starts_with(' ') || text.ends_with(' ')) {
    return base::fail("the name begins or ends with a space", {}, "leave it out");
  }
  return std::string(text);
}

base::Result<std::string> parse_client_tags(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t";
  std::vector<std::string_view> tags;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
    if (text.empty()) break;
    const std::string_view tag = text.substr(0, text.find_first_of(kWhiteSpace));
    text.remove_prefix(tag.size());
    if (tag.size() > kClientTagSizeMax) {
      return base::fail("a tag of " + std::to_string(tag.size()) + " bytes", {},
                        "give it " + std::to_string(kClientTagSizeMax) + " at most");
    }
    if (!std::ranges::all_of(tag, is_tag_character)) {
      return base::fail("a tag with something else than letters, digits and ._:=@/+-", {},
                        "separate tags by spaces");
    }
    tags.push_back(tag);
  }
  std::ranges::sort(tags);
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  std::string joined;
  for (const std::string_view tag : tags) {
    if (!joined.empty()) joined += ' ';
    joined += tag;
  }
  if (joined.size() > kClientTagsSizeMax) {
    return base::fail("tags of " + std::to_string(joined.size()) + " bytes", {},
                      "give a client " + std::to_string(kClientTagsSizeMax) + " at most");
  }
  return joined;
}

base::Result<std::vector<std::uint8_t>> parse_client_metadata(std::string_view text) {
  const std::string remedy = "write hexadecimal digits, two a byte, " +
                             std::to_string(kClientMetadataSizeMax) + " bytes at most";
  if (text.size() > 2 * kClientMetadataSizeMax) {
    return base::fail("metadata of more than " + std::to_string(kClientMetadataSizeMax) + " bytes",
                      {}, remedy);
  }
  auto bytes = base::from_hex(text);
  if (!bytes) return base::fail("metadata that are not pairs of hexadecimal digits", {}, remedy);
  return std::move(*bytes);
}

base::Result<bool> parse_client_state(std::string_view text) {
  if (text == client_state_text(false)) return false;
  if (text == client_state_text(true)) return true;
  return base::fail("an unknown state", {}, "write enrolled or revoked");
}

base::Result<std::int64_t> parse_client_time(std::string_view text, TimeKind kind) {
  if (text.empty()) {
    return kind == TimeKind::kNotBefore ? Enrolment::kAlways : Enrolment::kForever;
  }
  const auto seconds = parse_time(text, kind);
  if (!seconds) {
    const char* const name = kind == TimeKind::kNotBefore ? "not-before" : "not-after";
    return base::fail(std::string(name) + " is no time", {}, kTimeRemedy);
  }
  return *seconds;
}

std::string format_client_time(std::int64_t seconds) {
  using namespace std::chrono;
  if (seconds == Enrolment::kAlways || seconds == Enrolment::kForever) return {};
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto midnight = floor<days>(time);
  const year_month_day date{midnight};
  const hh_mm_ss clock{time - midnight};
  std::array<char, 64> text{};
  static_cast<void>(std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count())));
  return text.data();
}

base::Result<void> check_client_window(std::int64_t not_before, std::int64_t not_after) {
  if (not_before <= not_after) return {};
  return base::fail("it ends (not-after) before it begins (not-before)", {},
                    "exchange the two, or leave one out");
}

std::string_view client_state_text(bool revoked) noexcept {
  return revoked ? "revoked" : "enrolled";
}

}  // namespace pssst::identity
