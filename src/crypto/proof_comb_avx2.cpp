#include <immintrin.h>

#include "crypto/proof_comb_avx2_step.hpp"
#include "crypto/proof_combs.hpp"
#include "crypto/proof_digits.hpp"
#include "crypto/x25519_avx2_lanes.hpp"

namespace pssst::crypto {
namespace {

constexpr int kGroup = 8;  ///< columns that are looked up at once
constexpr int kLimbs = 5;

/// All that is secret while four lanes are computed.
struct alignas(64) Workspace {
  double slots[kProofAvx2Slots][kAvx2Lanes];
  double entries[kGroup][kProofAvx2EntryVectors][kAvx2Lanes];
  ProofDigits digits[kAvx2Lanes];
};

/// Eight columns of one lane: columns 0, 1, 4, 5 and columns 2, 3, 6, 7.
struct EightColumns {
  __m256d near, far;
};

/// One word of the entries that `index` names, for eight columns.
__m256i look_up_word(const std::uint32_t (&word)[kProofEntries], __m256i index) noexcept {
  const auto part = [&](std::size_t first) noexcept {
    const auto* entries = reinterpret_cast<const __m256i*>(word + first);
    return _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(_mm256_load_si256(entries), index));
  };
  const auto bit = [&](int position) noexcept {
    return _mm256_castsi256_ps(_mm256_slli_epi32(index, 31 - position));
  };
  __m256 chosen = part(0);
  if constexpr (kProofEntries > 8) chosen = _mm256_blendv_ps(chosen, part(8), bit(3));
  if constexpr (kProofEntries > 16) {
    const __m256 upper = _mm256_blendv_ps(part(16), part(24), bit(3));
    chosen = _mm256_blendv_ps(chosen, upper, bit(4));
  }
  return _mm256_castps_si256(chosen);
}

EightColumns interleave(__m256i low, __m256i high) noexcept {
  return {_mm256_castsi256_pd(_mm256_unpacklo_epi32(low, high)),
          _mm256_castsi256_pd(_mm256_unpackhi_epi32(low, high))};
}

/// The limbs of one coordinate, each as the double 2^52 + limb.
void look_up(const ProofTable& table, int coordinate, __m256i index,
             EightColumns (*limb)[kAvx2Lanes], std::size_t lane) noexcept {
  __m256i word[kProofCoordinateWords];
  for (int i = 0; i < kProofCoordinateWords; ++i) {
    word[i] = look_up_word(table.word[coordinate][i], index);
  }
  const __m256i mask = _mm256_set1_epi32((1 << 19) - 1);
  const __m256i six_bits = _mm256_set1_epi32(0x3f << 13);
  const __m256i exponent = _mm256_set1_epi32(0x433 << 20);
  // Bits 19 to 31 of the last three words, and what limbs 3 and 4 take of them.
  const __m256i high_3 = _mm256_or_si256(_mm256_srli_epi32(word[5], 19),
                                         _mm256_and_si256(_mm256_srli_epi32(word[6], 6), six_bits));
  const __m256i high_4 = _mm256_or_si256(_mm256_srli_epi32(word[6], 25),
                                         _mm256_slli_epi32(_mm256_srli_epi32(word[7], 19), 7));
  const __m256i high[kLimbs] = {_mm256_and_si256(word[5], mask), _mm256_and_si256(word[6], mask),
                                _mm256_and_si256(word[7], mask), high_3, high_4};
  for (int i = 0; i < kLimbs; ++i) {
    limb[i][lane] = interleave(word[i], _mm256_or_si256(high[i], exponent));
  }
}

/// column[i] of four lanes, from each lane's columns.
void transpose(const EightColumns (&lane)[kAvx2Lanes], __m256d (&column)[kGroup]) noexcept {
  const auto four = [&](__m256d a, __m256d b, __m256d c, __m256d d, int first) noexcept {
    const __m256d even[2] = {_mm256_unpacklo_pd(a, b), _mm256_unpacklo_pd(c, d)};
    const __m256d odd[2] = {_mm256_unpackhi_pd(a, b), _mm256_unpackhi_pd(c, d)};
    column[first] = _mm256_permute2f128_pd(even[0], even[1], 0x20);
    column[first + 1] = _mm256_permute2f128_pd(odd[0], odd[1], 0x20);
    column[first + 4] = _mm256_permute2f128_pd(even[0], even[1], 0x31);
    column[first + 5] = _mm256_permute2f128_pd(odd[0], odd[1], 0x31);
  };
  four(lane[0].near, lane[1].near, lane[2].near, lane[3].near, 0);
  four(lane[0].far, lane[1].far, lane[2].far, lane[3].far, 2);
}

/// The entries of eight columns, the first of them at `first`, with their signs: minus an entry is
/// y - x, y + x, -2 d x y.
void look_up_group(const ProofTable* const (&tables)[kAvx2Lanes], int first,
                   Workspace& w) noexcept {
  EightColumns limb[kProofCoordinates][kLimbs][kAvx2Lanes];
  EightColumns negate[kAvx2Lanes];
  for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
    const ProofDigits& digits = w.digits[lane];
    const auto load = [first](const std::uint32_t* from) noexcept {
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(from + first));
    };
    const __m256i index = load(digits.entry);
    for (int c = 0; c < kProofCoordinates; ++c) look_up(*tables[lane], c, index, limb[c], lane);
    negate[lane] = interleave(load(digits.negate), load(digits.negate));
  }
  const __m256d offset = _mm256_set1_pd(0x1p52 + 0x1p50);
  const __m256d sign = _mm256_set1_pd(-0.0);
  __m256d negated[kGroup];
  transpose(negate, negated);
  for (int i = 0; i < kLimbs; ++i) {
    __m256d plus[kGroup];
    __m256d minus[kGroup];
    __m256d product[kGroup];
    transpose(limb[0][i], plus);
    transpose(limb[1][i], minus);
    transpose(limb[2][i], product);
    for (int k = 0; k < kGroup; ++k) {
      const __m256d a = _mm256_sub_pd(_mm256_blendv_pd(plus[k], minus[k], negated[k]), offset);
      const __m256d b = _mm256_sub_pd(_mm256_blendv_pd(minus[k], plus[k], negated[k]), offset);
      const __m256d c = _mm256_sub_pd(product[k], offset);
      _mm256_store_pd(w.entries[k][i], a);
      _mm256_store_pd(w.entries[k][kLimbs + i], b);
      _mm256_store_pd(w.entries[k][2 * kLimbs + i],
                      _mm256_xor_pd(c, _mm256_and_pd(negated[k], sign)));
    }
  }
}

/// (0 : 1 : 1) in each lane.
void store_neutral(double (*slots)[kAvx2Lanes]) noexcept {
  __builtin_memset(slots, 0, kProofAvx2EntryVectors * sizeof *slots);
  for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
    slots[kProofAvx2SlotY][lane] = 1;
    slots[kProofAvx2SlotZ][lane] = 1;
  }
}

/// Not inlined, as the next one: what they leave on the stack lies where wipe_spills() reaches it.
[[gnu::noinline]] void store_digits(const std::uint8_t* scalar, ProofDigits& digits) noexcept {
  proof_digits(scalar, digits);
}

[[gnu::noinline]] void comb_four(const ProofTable* const (&tables)[kAvx2Lanes],
                                 Workspace& w) noexcept {
  store_neutral(w.slots);
  for (int first = 0; first < kProofColumns; first += kGroup) {
    look_up_group(tables, first, w);
    const int count = kProofColumns - first < kGroup ? kProofColumns - first : kGroup;
    proof_comb_avx2_columns(w.slots, static_cast<std::uint64_t>(count), w.entries[0]);
  }
}

/// What the compiler spilled while four lanes were computed.
[[gnu::noinline]] void wipe_spills() noexcept {
  std::uint8_t spills[8192];
  __builtin_memset(spills, 0, sizeof spills);
  __asm__ volatile("" : : "r"(spills) : "memory");
  _mm256_zeroall();
}

}  // namespace

void proof_combs_avx2(const std::uint8_t* const* scalars, const ProofTable* const* tables,
                      ProjectivePoint* results, std::size_t n) noexcept {
  Workspace w;
  const std::uint32_t mode = avx2_round_to_nearest();
  for (std::size_t first = 0; first < n; first += kAvx2Lanes) {
    const ProofTable* four[kAvx2Lanes];
    for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
      // The last vector's empty lanes repeat its last lane.
      const std::size_t i = first + lane < n ? first + lane : n - 1;
      four[lane] = tables[i];
      store_digits(scalars[i], w.digits[lane]);
    }
    comb_four(four, w);
    for (std::size_t lane = 0; lane < kAvx2Lanes && first + lane < n; ++lane) {
      const auto* y = w.slots + kProofAvx2SlotY;
      const auto* z = w.slots + kProofAvx2SlotZ;
      results[first + lane] = {avx2_load_sum(z, y, 1.0, lane), avx2_load_sum(z, y, -1.0, lane)};
    }
  }
  __builtin_ia32_ldmxcsr(mode);
  __builtin_memset(&w, 0, sizeof w);
  __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
  wipe_spills();
  __asm__ volatile("");  // no tail call: it wipes below this frame
}

}  // namespace pssst::crypto
