/// What the tests of the table of clients share.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "identity/sharded_table.hpp"

namespace pssst::identity {

/// Key `i` of a family, from 64-bit words that look random: no two are alike.
inline PublicKey key_of(std::uint64_t i, std::uint64_t family = 0) {
  PublicKey key;
  std::uint64_t state = i * 4 + (family << 48);
  for (std::size_t word = 0; word < 4; ++word) {
    std::uint64_t z = (++state) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    std::memcpy(key.data() + 8 * word, &z, sizeof z);
  }
  return key;
}

template <class Table, class... Now>
FoundClient find_one(const Table& table, const PublicKey& key, Now... now) {
  const std::array<const std::uint8_t*, 1> keys{key.data()};
  std::array<FoundClient, 1> found{};
  table.find(keys, now..., found);
  return found[0];
}

inline std::vector<std::uint8_t> metadata_of(const FoundClient& found) {
  return {found.identity.metadata.begin(), found.identity.metadata.end()};
}

}  // namespace pssst::identity
