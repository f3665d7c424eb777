/// The prefixes that a source address is counted under.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "pssst/wire.hpp"

namespace pssst::server {

/// What a table finds by its hash and tells apart by its key.
struct HashedKey {
  std::uint64_t key = 0;  ///< not 0
  std::uint64_t hash = 0;
};

/// Prefixes of two lengths: what one subscriber is commonly given, and what one site is.
struct SourcePrefixes {
  HashedKey narrow;  ///< IPv4 /32, IPv6 /64
  HashedKey wide;    ///< IPv4 /24, IPv6 /48
  bool ipv4 = false;
};

/// A seeded hash: who does not know the seed finds no prefixes that fall together in a table.
class SourceHash {
 public:
  SourceHash();  ///< with a random seed

  /// `source`: IPv6, or IPv4 mapped into it. Different prefixes have different keys, also of
  /// different lengths and families.
  [[nodiscard]] SourcePrefixes prefixes_of(
      const std::array<std::uint8_t, 16>& source) const noexcept {
    SourcePrefixes prefixes;
    find(source, prefixes);
    return prefixes;
  }
  /// The same, in place: a result that is put together on the stack stalls its own copy.
  void find(const std::array<std::uint8_t, 16>& source, SourcePrefixes& prefixes) const noexcept;
  /// Of what all requests differ in; two have one key by chance alone, once in 2^63.
  [[nodiscard]] HashedKey key_of(std::span<const std::uint8_t, kDhSize> dh) const noexcept;
  [[nodiscard]] std::uint64_t hash(std::uint64_t key) const noexcept;

 private:
  std::array<std::uint64_t, 2> seed_{};
};

}  // namespace pssst::server
