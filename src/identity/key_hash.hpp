/// SipHash-2-4 of the 32 bytes of a public key.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace pssst::identity {

using HashSeed = std::array<std::uint64_t, 2>;

/// Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF" (2012).
/// Whoever does not know the seed cannot find keys that share a value. Some 60 ticks, which those
/// of a burst overlap.
[[nodiscard]] inline std::uint64_t hash_key(const std::uint8_t* key,
                                            const HashSeed& seed) noexcept {
  std::array<std::uint64_t, 4> words;
  std::memcpy(words.data(), key, sizeof words);
  std::uint64_t v0 = seed[0] ^ 0x736f6d6570736575;
  std::uint64_t v1 = seed[1] ^ 0x646f72616e646f6d;
  std::uint64_t v2 = seed[0] ^ 0x6c7967656e657261;
  std::uint64_t v3 = seed[1] ^ 0x7465646279746573;
  const auto round = [&]() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  for (const std::uint64_t word : words) absorb(word);
  absorb(std::uint64_t{sizeof words} << 56);
  v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace pssst::identity
