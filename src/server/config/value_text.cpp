#include "server/config/value_text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace pssst::server {
namespace {

constexpr std::size_t kQuotedSizeMax = 80;

/// All of `text`, or nothing.
template <class T>
std::optional<T> parse_whole(std::string_view text, int base = 10) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

/// Letters to put in, take out, replace or swap with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> steps(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        steps[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      steps[i][j] = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
      }
    }
  }
  return steps[a.size()][b.size()];
}

bool is_lower_hex(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  constexpr std::array kUnits{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                              Unit{"h", 3'600'000}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = parse_whole<std::int64_t>(text.substr(0, digits));
  const auto* const unit = std::ranges::find(kUnits, text.substr(digits), &Unit::name);
  if (!count || unit == kUnits.end()) return std::nullopt;
  if (*count > std::numeric_limits<std::int64_t>::max() / unit->milliseconds) return std::nullopt;
  return std::chrono::milliseconds(*count * unit->milliseconds);
}

std::optional<unsigned> parse_mode(std::string_view text) {
  if (text.size() < 2 || text.size() > 4 || text[0] != '0') return std::nullopt;
  return parse_whole<unsigned>(text, 8);
}

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_whole<std::uint16_t>(text.substr(colon + 1));
  std::string address(text.substr(0, colon));
  if (!port || *port == 0) return std::nullopt;
  in6_addr parsed{};
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
    if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return std::nullopt;
  } else if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) {
    return std::nullopt;
  }
  return ListenAddress{.address = std::move(address), .port = *port};
}

std::string counted(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

bool is_pci_address(std::string_view text) noexcept {
  constexpr std::string_view kForm = "0000:00:00.0";
  return text.size() == kForm.size() && text[4] == ':' && text[7] == ':' && text[10] == '.' &&
         is_lower_hex(text.substr(0, 4)) && is_lower_hex(text.substr(5, 2)) &&
         is_lower_hex(text.substr(8, 2)) && text[11] >= '0' && text[11] <= '7';
}

std::string in_quotes(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t size = std::min(text.size(), kQuotedSizeMax);
  // Not within a character of UTF-8.
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) --size;
  std::string out = "\"";
  for (const char c : text.substr(0, size)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out + (text.size() > size ? "...\"" : "\"");
}

std::string_view nearest_name(std::string_view text, std::span<const std::string_view> names) {
  constexpr std::size_t kSizeMax = 64;
  if (text.size() > kSizeMax) return {};
  std::string_view nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view name : names) {
    const std::size_t steps = distance(text, name);
    const std::size_t tolerated = std::max<std::size_t>(1, std::max(text.size(), name.size()) / 3);
    if (steps > tolerated || steps >= least) continue;
    least = steps;
    nearest = name;
  }
  return nearest;
}

}  // namespace pssst::server
