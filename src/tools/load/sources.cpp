#include "tools/load/sources.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace pssst::tools::load {
namespace {

// First bytes of addresses.
constexpr std::uint32_t kLoopback = 127;
constexpr std::uint32_t kMulticast = 224;  // and all that is reserved behind it

}  // namespace

base::Result<SourcePrefix> SourcePrefix::parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const bool is_good = slash != std::string::npos &&
                       ::inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) == 1 &&
                       std::from_chars(text.data() + slash + 1, end, bits).ptr == end && bits <= 32;
  const std::uint32_t host_order = ntohl(address.s_addr);
  if (!is_good || (bits < 32 && (host_order & (UINT32_MAX >> bits)) != 0)) {
    return base::fail("not an IPv4 prefix", text, "write 198.18.0.0/15");
  }
  const SourcePrefix prefix(host_order, bits);
  // What is shorter than /8 and begins below multicast has addresses besides 0.0.0.0/8 and
  // 127.0.0.0/8.
  const bool all_alike = bits >= 8 || host_order >= kMulticast << 24;
  if (all_alike && !prefix.may_be_source(host_order)) {
    return base::fail("a prefix without addresses that send", text, "write 198.18.0.0/15");
  }
  return prefix;
}

bool SourcePrefix::may_be_source(std::uint32_t address) const noexcept {
  const std::uint32_t first = address >> 24;
  const bool all_loopback = bits_ >= 8 && address_ >> 24 == kLoopback;
  return first != 0 && (first != kLoopback || all_loopback) && first < kMulticast;
}

net::Ipv4Address SourcePrefix::next() noexcept {
  std::uint32_t address = 0;
  do {
    // Good enough to spread over a table: the increment and one step of SplitMix64's mixing.
    state_ += 0x9e3779b97f4a7c15U;
    const std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9U;
    const std::uint32_t host_bits =
        bits_ == 32 ? 0 : static_cast<std::uint32_t>(mixed >> 32) & (UINT32_MAX >> bits_);
    address = address_ | host_bits;
  } while (!may_be_source(address));
  return {static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
          static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
}

}  // namespace pssst::tools::load
