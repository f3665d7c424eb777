#include "tools/load/sources.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace pssst::tools::load {

base::Result<SourcePrefix> SourcePrefix::parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const bool is_good = slash != std::string::npos &&
                       ::inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) == 1 &&
                       std::from_chars(text.data() + slash + 1, end, bits).ptr == end &&
                       bits >= 8 && bits <= 32;
  const std::uint32_t host_order = ntohl(address.s_addr);
  if (!is_good || (bits < 32 && (host_order & (UINT32_MAX >> bits)) != 0)) {
    return base::fail("not an IPv4 prefix of 8 to 32 bits", text, "write 198.18.0.0/15");
  }
  return SourcePrefix(host_order, bits);
}

net::Ipv4Address SourcePrefix::next() noexcept {
  // Good enough to spread over a table: the increment and one step of SplitMix64's mixing.
  state_ += 0x9e3779b97f4a7c15U;
  const std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9U;
  const std::uint32_t host_bits =
      bits_ == 32 ? 0 : static_cast<std::uint32_t>(mixed >> 32) & (UINT32_MAX >> bits_);
  const std::uint32_t address = address_ | host_bits;
  return {static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
          static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
}

}  // namespace pssst::tools::load
