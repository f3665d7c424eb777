#include <immintrin.h>

#include "crypto/sha256_kernels.hpp"

namespace pssst::crypto {
namespace {

/// FIPS 180-4, section 4.2.2.
alignas(16) constexpr std::uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/// The order of the words in the registers of SHA256RNDS2: a, b, e, f and c, d, g, h, the first of
/// them in the highest place.
struct RoundState {
  __m128i abef;
  __m128i cdgh;
};

inline RoundState load_state(const std::uint32_t* words) noexcept {
  const __m128i dcba = _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
  const __m128i hgfe = _mm_loadu_si128(reinterpret_cast<const __m128i*>(words + 4));
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

inline void store_state(const RoundState& state, std::uint32_t* words) noexcept {
  const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

inline void four_rounds(RoundState& state, __m128i words_and_constants) noexcept {
  state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, words_and_constants);
  state.abef =
      _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(words_and_constants, 0x0e));
}

/// The schedule's next four words in place of the oldest four; `w0` is the oldest.
inline void extend_schedule(__m128i& w0, __m128i w1, __m128i w2, __m128i w3) noexcept {
  const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
  w0 = _mm_sha256msg2_epu32(sum, w3);
}

/// Lanes side by side hide the latency of the rounds, of which each waits for the one before. One
/// lane alone takes 1.7 times as long for a block as each of four, two 5 % longer. With four it is
/// SHA256RNDS2 that is always busy (AMD Zen 5), so that a fixed schedule for padding blocks would
/// win nothing.
template <int kLanes>
inline void compress(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                     std::size_t count) noexcept {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  RoundState state[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) state[lane] = load_state(states[lane]);
  for (std::size_t block = 0; block < count; ++block) {
    RoundState before[kLanes];
    __m128i w[kLanes][4];
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane) before[lane] = state[lane];
#pragma GCC unroll 16
    for (std::size_t step = 0; step < 16; ++step) {
      const __m128i constants =
          _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants + 4 * step));
#pragma GCC unroll 16
      for (int lane = 0; lane < kLanes; ++lane) {
        __m128i* const words = w[lane];
        if (step < 4) {
          const std::uint8_t* from = blocks[lane] + 64 * block + 16 * step;
          words[step] =
              _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), big_endian);
        } else {
          extend_schedule(words[step % 4], words[(step + 1) % 4], words[(step + 2) % 4],
                          words[(step + 3) % 4]);
        }
        four_rounds(state[lane], _mm_add_epi32(words[step % 4], constants));
      }
    }
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane) {
      state[lane].abef = _mm_add_epi32(state[lane].abef, before[lane].abef);
      state[lane].cdgh = _mm_add_epi32(state[lane].cdgh, before[lane].cdgh);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) store_state(state[lane], states[lane]);
}

}  // namespace

void sha256_compress_sha_ni(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                            std::size_t count, std::size_t n) noexcept {
  std::size_t lane = 0;
  for (; lane + 4 <= n; lane += 4) compress<4>(states + lane, blocks + lane, count);
  if (lane + 2 <= n) {
    compress<2>(states + lane, blocks + lane, count);
    lane += 2;
  }
  if (lane < n) compress<1>(states + lane, blocks + lane, count);
}

}  // namespace pssst::crypto
