#include "server/known_sources.hpp"

#include <algorithm>
#include <span>

#include "base/random.hpp"

namespace pssst::server {
namespace {

constexpr std::array<std::uint8_t, 12> kIpv4Mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kIpv4PrefixBytes = 3;
constexpr std::size_t kIpv6PrefixBytes = 6;

std::uint64_t prefix_of(const std::array<std::uint8_t, 16>& source) noexcept {
  const bool ipv4 = std::equal(kIpv4Mapped.begin(), kIpv4Mapped.end(), source.begin());
  const std::span<const std::uint8_t> bytes =
      ipv4 ? std::span(source).subspan(kIpv4Mapped.size(), kIpv4PrefixBytes)
           : std::span(source).first(kIpv6PrefixBytes);
  std::uint64_t prefix =
      1;  // leads the bits: no prefix is 0, and none of one family is the other's
  for (const std::uint8_t byte : bytes) prefix = prefix << 8 | byte;
  return prefix;
}

/// Both halves of a 128-bit product, folded.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

KnownSources::KnownSources(std::uint64_t lifetime) : lifetime_(lifetime), entries_(kEntries) {
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
}

std::size_t KnownSources::index_of(std::uint64_t prefix) const noexcept {
  // Once is not enough: neighbouring prefixes are multiples of the factor apart, and one factor in
  // a hundred puts a quarter of them on top of each other.
  const std::uint64_t once = fold_multiply(prefix ^ seed_[0], seed_[1] | 1);
  return static_cast<std::size_t>(fold_multiply(once ^ seed_[1], seed_[0] | 1)) % kEntries;
}

void KnownSources::remember(const std::array<std::uint8_t, 16>& source,
                            std::uint64_t now) noexcept {
  const std::uint64_t prefix = prefix_of(source);
  entries_[index_of(prefix)] = Entry{.prefix = prefix, .seen = now};
}

bool KnownSources::knows(const std::array<std::uint8_t, 16>& source,
                         std::uint64_t now) const noexcept {
  const std::uint64_t prefix = prefix_of(source);
  const Entry& entry = entries_[index_of(prefix)];
  return entry.prefix == prefix && (now <= entry.seen || now - entry.seen < lifetime_);
}

}  // namespace pssst::server
