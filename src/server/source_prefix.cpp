#include "server/source_prefix.hpp"

#include <cstddef>
#include <span>

#include "base/random.hpp"

namespace pssst::server {
namespace {

// All keys that are no IPv6 /64 begin as multicast addresses do, which are no sources.
constexpr std::uint64_t kIpv4Narrow = std::uint64_t{0xff01} << 48;
constexpr std::uint64_t kIpv4Wide = std::uint64_t{0xff02} << 48;
constexpr std::uint64_t kIpv6Wide = std::uint64_t{0xff03} << 48;
constexpr std::uint64_t kIpv6Zero = std::uint64_t{0xff04} << 48;  // ::/64, with the loopback

constexpr std::uint64_t kIpv4Mapped = 0xffff;  // bytes 8 to 11

/// Big-endian.
template <std::size_t Bytes>
std::uint64_t read(const std::uint8_t* at) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < Bytes; ++i) value = value << 8 | at[i];
  return value;
}

/// Both halves of a 128-bit product, folded.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

SourceHash::SourceHash() {
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
}

std::uint64_t SourceHash::hash(std::uint64_t key) const noexcept {
  // Once is not enough: neighbouring prefixes are multiples of the factor apart, and one factor in
  // a hundred puts a quarter of them on top of each other.
  const std::uint64_t once = fold_multiply(key ^ seed_[0], seed_[1] | 1);
  return fold_multiply(once ^ seed_[1], seed_[0] | 1);
}

SourcePrefixes SourceHash::prefixes_of(const std::array<std::uint8_t, 16>& source) const noexcept {
  const std::uint64_t high = read<8>(source.data());
  SourcePrefixes prefixes;
  prefixes.ipv4 = high == 0 && read<4>(&source[8]) == kIpv4Mapped;
  if (prefixes.ipv4) {
    const std::uint64_t address = read<4>(&source[12]);
    prefixes.narrow.key = kIpv4Narrow | address;
    prefixes.wide.key = kIpv4Wide | address >> 8;
  } else {
    prefixes.narrow.key = high == 0 ? kIpv6Zero : high;
    prefixes.wide.key = kIpv6Wide | high >> 16;
  }
  prefixes.narrow.hash = hash(prefixes.narrow.key);
  prefixes.wide.hash = hash(prefixes.wide.key);
  return prefixes;
}

}  // namespace pssst::server
