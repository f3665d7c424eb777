#include "server/source_prefix.hpp"

#include <bit>
#include <cstring>
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

/// Eight bytes, big-endian.
std::uint64_t read(const std::uint8_t* at) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
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

HashedKey SourceHash::key_of(std::span<const std::uint8_t, kDhSize> dh) const noexcept {
  std::array<std::uint64_t, kDhSize / sizeof(std::uint64_t)> words;
  std::memcpy(words.data(), dh.data(), kDhSize);
  const std::uint64_t front = fold_multiply(words[0] ^ seed_[0], words[1] ^ seed_[1]);
  const std::uint64_t back =
      fold_multiply(words[2] ^ std::rotl(seed_[0], 21), words[3] ^ std::rotl(seed_[1], 43));
  const std::uint64_t hashed = hash(front ^ std::rotl(back, 32));
  return {.key = hashed | 1, .hash = hashed >> 1};
}

void SourceHash::find(const std::array<std::uint8_t, 16>& source,
                      SourcePrefixes& prefixes) const noexcept {
  const std::uint64_t high = read(source.data());
  const std::uint64_t low = read(&source[8]);
  prefixes.ipv4 = high == 0 && low >> 32 == kIpv4Mapped;
  if (prefixes.ipv4) {
    const std::uint64_t address = low & UINT32_MAX;
    prefixes.narrow.key = kIpv4Narrow | address;
    prefixes.wide.key = kIpv4Wide | address >> 8;
  } else {
    prefixes.narrow.key = high == 0 ? kIpv6Zero : high;
    prefixes.wide.key = kIpv6Wide | high >> 16;
  }
  prefixes.narrow.hash = hash(prefixes.narrow.key);
  prefixes.wide.hash = hash(prefixes.wide.key);
}

}  // namespace pssst::server
