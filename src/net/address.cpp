#include "net/address.hpp"

#include "base/hex.hpp"

namespace pssst::net {

std::optional<MacAddress> parse_mac(std::string_view text) {
  constexpr std::size_t kTextSize = 17;
  if (text.size() != kTextSize) return std::nullopt;
  MacAddress mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const bool is_last = i + 1 == mac.size();
    if ((!is_last && text[3 * i + 2] != ':') ||
        !base::from_hex(text.substr(3 * i, 2), std::span(mac).subspan(i, 1))) {
      return std::nullopt;
    }
  }
  return mac;
}

}  // namespace pssst::net
