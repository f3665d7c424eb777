#include <immintrin.h>

#include "crypto/proof_comb_avx512ifma_lanes.hpp"
#include "crypto/proof_combs.hpp"

namespace pssst::crypto {
namespace {

constexpr std::size_t kWords = 4;
constexpr std::size_t kLimbs = 5;

/// Sixteen columns of one lane: columns 4i and 4i + 1, and columns 4i + 2 and 4i + 3.
struct SixteenColumns {
  __m512i even, odd;
};

/// One word of the entries that `index` names, for sixteen columns.
__m512i look_up_word(const std::uint32_t (&word)[kProofEntries], __m512i index) noexcept {
  if constexpr (kProofEntries == 8) {
    const __m256i all = _mm256_load_si256(reinterpret_cast<const __m256i*>(word));
    return _mm512_permutexvar_epi32(index, _mm512_castsi256_si512(all));
  } else if constexpr (kProofEntries == 16) {
    return _mm512_permutexvar_epi32(index, _mm512_load_si512(word));
  } else {
    static_assert(kProofEntries <= 32);
    return _mm512_permutex2var_epi32(_mm512_load_si512(word), index,
                                     _mm512_load_si512(word + kProofEntries - 16));
  }
}

SixteenColumns interleave(__m512i low, __m512i high) noexcept {
  return {_mm512_unpacklo_epi32(low, high), _mm512_unpackhi_epi32(low, high)};
}

/// column[i] of eight lanes, from each lane's columns.
void transpose(const SixteenColumns (&lane)[kIfmaLanes],
               __m512i (&column)[kProofIfmaGroup]) noexcept {
  const auto eight = [&](auto row, int first) noexcept {
    __m512i pair[2][kIfmaLanes / 2];
    for (std::size_t i = 0; i < kIfmaLanes / 2; ++i) {
      pair[0][i] = _mm512_unpacklo_epi64(row(2 * i), row(2 * i + 1));
      pair[1][i] = _mm512_unpackhi_epi64(row(2 * i), row(2 * i + 1));
    }
    for (int k = 0; k < 2; ++k) {
      const auto& [a, b, c, d] = pair[k];
      const __m512i front[2] = {_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(c, d, 0x88)};
      const __m512i back[2] = {_mm512_shuffle_i64x2(a, b, 0xdd), _mm512_shuffle_i64x2(c, d, 0xdd)};
      column[first + k] = _mm512_shuffle_i64x2(front[0], front[1], 0x88);
      column[first + k + 4] = _mm512_shuffle_i64x2(back[0], back[1], 0x88);
      column[first + k + 8] = _mm512_shuffle_i64x2(front[0], front[1], 0xdd);
      column[first + k + 12] = _mm512_shuffle_i64x2(back[0], back[1], 0xdd);
    }
  };
  eight([&](std::size_t i) noexcept { return lane[i].even; }, 0);
  eight([&](std::size_t i) noexcept { return lane[i].odd; }, 2);
}

__m512i load_columns(const std::uint32_t* digits, int first) noexcept {
  return _mm512_load_si512(digits + first);
}

/// Limbs 0 to 3 with anything above 52 bits.
void store_limbs(const __m512i (&word)[kWords], std::uint64_t (*limb)[kIfmaLanes]) noexcept {
  const auto join = [&](int low, unsigned right) noexcept {
    return _mm512_or_si512(_mm512_srli_epi64(word[low], right),
                           _mm512_slli_epi64(word[low + 1], 64 - right));
  };
  _mm512_store_si512(limb[0], word[0]);
  _mm512_store_si512(limb[1], join(0, 52));
  _mm512_store_si512(limb[2], join(1, 40));
  _mm512_store_si512(limb[3], join(2, 28));
  _mm512_store_si512(limb[4], _mm512_srli_epi64(word[3], 16));
}

void look_up_coordinate(const ProofTable* const (&tables)[kIfmaLanes], std::size_t coordinate,
                        int first, ProofIfmaWorkspace& w) noexcept {
  SixteenColumns words[kWords][kIfmaLanes];
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
    const __m512i index = load_columns(w.digits[lane].entry, first);
    const auto& table = tables[lane]->word[coordinate];
    for (std::size_t i = 0; i < kWords; ++i) {
      words[i][lane] =
          interleave(look_up_word(table[2 * i], index), look_up_word(table[2 * i + 1], index));
    }
  }
  __m512i column[kWords][kProofIfmaGroup];
  for (std::size_t i = 0; i < kWords; ++i) transpose(words[i], column[i]);
  for (int k = 0; k < kProofIfmaGroup; ++k) {
    store_limbs({column[0][k], column[1][k], column[2][k], column[3][k]},
                w.entries[k] + 1 + kLimbs * coordinate);
  }
}

/// Not inlined: what it leaves on the stack lies where wipe_spills() reaches it.
[[gnu::noinline]] void look_up_group(const ProofTable* const (&tables)[kIfmaLanes], int first,
                                     ProofIfmaWorkspace& w) noexcept {
  SixteenColumns negate[kIfmaLanes];
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
    const __m512i sign = load_columns(w.digits[lane].negate, first);
    negate[lane] = interleave(sign, sign);
  }
  __m512i column[kProofIfmaGroup];
  transpose(negate, column);
  for (int k = 0; k < kProofIfmaGroup; ++k) _mm512_store_si512(w.entries[k][0], column[k]);
  for (std::size_t c = 0; c < kProofCoordinates; ++c) look_up_coordinate(tables, c, first, w);
}

/// What the compiler spilled while eight lanes were computed.
[[gnu::noinline]] void wipe_spills() noexcept {
  std::uint8_t spills[16384];
  __builtin_memset(spills, 0, sizeof spills);
  __asm__ volatile("" : : "r"(spills) : "memory");
  _mm256_zeroall();
}

}  // namespace

void proof_combs_avx512ifma(const std::uint8_t* const* scalars, const ProofTable* const* tables,
                            ProjectivePoint* results, std::size_t n) noexcept {
  proof_ifma_combs(scalars, tables, results, n, look_up_group, proof_comb_avx512ifma_columns);
  wipe_spills();
  __asm__ volatile("");  // no tail call: it wipes below this frame
}

}  // namespace pssst::crypto
