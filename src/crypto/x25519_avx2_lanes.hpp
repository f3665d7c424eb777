/// Four lanes in and out of the AVX2 kernels: what those share that are generated and readable.
/// Included by files compiled with -mavx2 alone; everything is `static inline`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"
#include "crypto/x25519_avx2_step.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kAvx2Lanes = 4;
inline constexpr int kAvx2ScalarWords = 4;
/// Bits 253 to 3 of a scalar are ladder steps; with bit 2, which a clamped scalar has clear, they
/// make 252 select bits, taken from the top of each word, the last word first.
inline constexpr std::uint64_t kAvx2StepsInWord[kAvx2ScalarWords] = {59, 64, 64, 64};

/// All that is secret while four lanes are multiplied.
struct alignas(64) Avx2Workspace {
  double slots[kAvx2Slots][kAvx2Lanes];
  std::uint64_t select[kAvx2ScalarWords][kAvx2Lanes];
};

/// MXCSR as it was; from here on products round to nearest and no exception is taken, whatever the
/// caller's mode is: in another one they would come out wrong, and how would depend on the scalar.
[[nodiscard]] static inline std::uint32_t avx2_round_to_nearest() noexcept {
  constexpr std::uint32_t kAllMasked = 0x1f80;
  const std::uint32_t before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(kAllMasked);
  return before;
}

/// Signed limbs, |limb| <= 2^50 + 19, of a reduced element.
static inline void avx2_store_signed(const Field25519& a, double (*slots)[kAvx2Lanes],
                                     std::size_t lane) noexcept {
  constexpr std::int64_t kHalf = std::int64_t{1} << 50;
  std::int64_t limb[5];
  std::int64_t carry = 0;
  for (int i = 0; i < 5; ++i) {
    limb[i] = static_cast<std::int64_t>(a.limb[i]) + carry;
    carry = (limb[i] + kHalf) >> 51;
    limb[i] -= carry << 51;
  }
  limb[0] += 19 * carry;
  for (int i = 0; i < 5; ++i) slots[i][lane] = static_cast<double>(limb[i]);
}

/// a + sign * b of two signed elements, |limb| <= 2^50 + 2^12, as a loose one: 4 p is added, whose
/// limbs are about 2^53.
static inline Field25519 avx2_load_sum(const double (*a)[kAvx2Lanes], const double (*b)[kAvx2Lanes],
                                       double sign, std::size_t lane) noexcept {
  constexpr std::int64_t kFourP0 = (std::int64_t{1} << 53) - 76;
  constexpr std::int64_t kFourP = (std::int64_t{1} << 53) - 4;
  Field25519 r;
  for (int i = 0; i < 5; ++i) {
    const auto value = static_cast<std::int64_t>(a[i][lane] + sign * b[i][lane]);
    r.limb[i] = static_cast<std::uint64_t>(value + (i == 0 ? kFourP0 : kFourP));
  }
  return r;
}

/// Bit t of k ^ (k >> 1) says whether bits t and t + 1 differ; bit 253 goes to the very top.
static inline void avx2_store_select(const std::uint8_t* scalar,
                                     std::uint64_t (*select)[kAvx2Lanes],
                                     std::size_t lane) noexcept {
  std::uint64_t k[kAvx2ScalarWords];
  std::uint64_t change[kAvx2ScalarWords];
  __builtin_memcpy(k, scalar, sizeof k);
  for (int i = 0; i < kAvx2ScalarWords; ++i) {
    const std::uint64_t next = i + 1 < kAvx2ScalarWords ? k[i + 1] << 63 : 0;
    change[i] = k[i] ^ (k[i] >> 1 | next);
  }
  for (int i = 0; i < kAvx2ScalarWords; ++i) {
    select[i][lane] = change[i] << 2 | (i > 0 ? change[i - 1] >> 62 : 0);
  }
}

/// (A, B) = (C, D) = P. Bit 254 of a clamped scalar is set, so the ladder begins at (2 P, P): the
/// kernel doubles (A, B) first, and the first select bit is that of bit 253.
static inline void avx2_load_lane(const std::uint8_t* scalar, const std::uint8_t* point,
                                  double (*slots)[kAvx2Lanes], std::uint64_t (*select)[kAvx2Lanes],
                                  std::size_t lane) noexcept {
  const Field25519 u = field_from_bytes(point);
  avx2_store_signed(u, slots + kAvx2SlotU1, lane);
  for (std::size_t i = 0; i < 5; ++i) {
    const double limb = slots[kAvx2SlotU1 + i][lane];
    // u + 1 and u - 1 are as good as reduced.
    const double one = i == 0 ? 1.0 : 0.0;
    slots[kAvx2SlotA + i][lane] = slots[kAvx2SlotC + i][lane] = limb + one;
    slots[kAvx2SlotB + i][lane] = slots[kAvx2SlotD + i][lane] = limb - one;
  }
  avx2_store_select(scalar, select, lane);
}

/// Twice x and z of the lane's result, of which A and B hold sum and difference; loose.
static inline ProjectivePoint avx2_load_result(const double (*slots)[kAvx2Lanes],
                                               std::size_t lane) noexcept {
  const double(*plus)[kAvx2Lanes] = slots + kAvx2SlotA;
  const double(*minus)[kAvx2Lanes] = slots + kAvx2SlotB;
  return {avx2_load_sum(plus, minus, 1.0, lane), avx2_load_sum(plus, minus, -1.0, lane)};
}

/// (A, B) = (C, D) in lanes whose select word has its top bit set.
static inline void avx2_select_last(double (*slots)[kAvx2Lanes]) noexcept {
  std::uint64_t mask[kAvx2Lanes];
  __builtin_memcpy(mask, slots[kAvx2SlotSelect], sizeof mask);
  for (std::uint64_t& m : mask) {
    m = 0 - (m >> 63);
    // Hidden from the compiler, which could make a branch of two known masks.
    __asm__("" : "+r"(m));
  }
  for (std::size_t i = 0; i < kAvx2SlotC; ++i) {
    std::uint64_t first[kAvx2Lanes];
    std::uint64_t second[kAvx2Lanes];
    __builtin_memcpy(first, slots[kAvx2SlotA + i], sizeof first);
    __builtin_memcpy(second, slots[kAvx2SlotC + i], sizeof second);
    for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
      first[lane] ^= mask[lane] & (first[lane] ^ second[lane]);
    }
    __builtin_memcpy(slots[kAvx2SlotA + i], first, sizeof first);
  }
}

/// The ladders of `n` lanes, four at a time, by multiply_four(Avx2Workspace&), which leaves
/// x + z and x - z of the results in A and B.
template <class MultiplyFour>
static inline void avx2_ladders(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                ProjectivePoint* results, std::size_t n,
                                MultiplyFour multiply_four) noexcept {
  Avx2Workspace w;
  const std::uint32_t mode = avx2_round_to_nearest();
  for (std::size_t first = 0; first < n; first += kAvx2Lanes) {
    for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
      // The last vector's empty lanes repeat its last lane.
      const std::size_t i = first + lane < n ? first + lane : n - 1;
      avx2_load_lane(scalars[i], points + 32 * i, w.slots, w.select, lane);
    }
    multiply_four(w);
    for (std::size_t lane = 0; lane < kAvx2Lanes && first + lane < n; ++lane) {
      results[first + lane] = avx2_load_result(w.slots, lane);
    }
  }
  __builtin_ia32_ldmxcsr(mode);
  __builtin_memset(&w, 0, sizeof w);
  __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
}

}  // namespace pssst::crypto
