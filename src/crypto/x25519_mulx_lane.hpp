/// One lane in and out of the mulx step: what the kernels share that run it. Everything is `static
/// inline`, a copy for each translation unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"
#include "crypto/x25519_mulx_step.hpp"

namespace pssst::crypto {

inline constexpr int kMulxWords = 4;
/// Bits 253 to 3 of a scalar are ladder steps; with bit 2, which a clamped scalar has clear, they
/// make 252 select bits, taken from the top of each word, the last word first.
inline constexpr std::uint64_t kMulxStepsInWord[kMulxWords] = {59, 64, 64, 64};

/// r = a + b, below 2^256.
static inline void mulx_add_words(const std::uint64_t* a, const std::uint64_t (&b)[kMulxWords],
                                  std::uint64_t* r) noexcept {
  Uint128 sum = 0;
  for (int i = 0; i < kMulxWords; ++i) {
    sum = (sum >> 64) + a[i] + b[i];
    r[i] = static_cast<std::uint64_t>(sum);
  }
}

/// (A, B) = (C, D) = P, by A = u + 1 and B = u + p - 1. Bit 254 of a clamped scalar is set, so the
/// ladder begins at (2 P, P): (A, B) is doubled first, and the first select bit is that of bit 253.
static inline void mulx_load_point(const std::uint8_t* point, std::uint64_t* slots) noexcept {
  constexpr std::uint64_t kOne[kMulxWords] = {1, 0, 0, 0};
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  constexpr std::uint64_t kMinusOne[kMulxWords] = {kOnes - 19, kOnes, kOnes, kOnes >> 1};
  std::uint64_t* const u = slots + kMulxSlotU;
  __builtin_memcpy(u, point, 32);
  u[kMulxWords - 1] &= kOnes >> 1;
  mulx_add_words(u, kOne, slots + kMulxSlotA);
  mulx_add_words(u, kMinusOne, slots + kMulxSlotB);
  mulx_add_words(u, kOne, slots + kMulxSlotC);
  mulx_add_words(u, kMinusOne, slots + kMulxSlotD);
}

/// Bit t of k ^ (k >> 1) says whether bits t and t + 1 differ; bit 253 goes to the very top.
static inline void mulx_load_select(const std::uint8_t* scalar, std::uint64_t* select) noexcept {
  __builtin_memcpy(select, scalar, 32);
  for (int i = kMulxWords - 1; i >= 0; --i) {
    const std::uint64_t word = select[i];
    const std::uint64_t below = i > 0 ? select[i - 1] : 0;
    select[i] = (word << 2 | below >> 62) ^ (word << 1 | below >> 63);
  }
}

/// (A, B) = (C, D) if the select word has its top bit set.
static inline void mulx_select_last(std::uint64_t* slots) noexcept {
  std::uint64_t mask = 0 - (slots[kMulxSlotSelect] >> 63);
  // Hidden from the compiler, which could make a branch of two known masks.
  __asm__("" : "+r"(mask));
  for (std::size_t i = 0; i < kMulxSlotC; ++i) {
    slots[i] ^= mask & (slots[i] ^ slots[kMulxSlotC + i]);
  }
}

/// Any value below 2^256; limbs below 2^51, the last below 2^52.
static inline Field25519 mulx_load_field(const std::uint64_t* word) noexcept {
  return {{word[0] & kLimbMask, (word[0] >> 51 | word[1] << 13) & kLimbMask,
           (word[1] >> 38 | word[2] << 26) & kLimbMask, (word[2] >> 25 | word[3] << 39) & kLimbMask,
           word[3] >> 12}};
}

/// A + B and A - B, twice x and z; loose. 4 p is added to the latter, whose limbs are about 2^53.
static inline ProjectivePoint mulx_load_result(const std::uint64_t* slots) noexcept {
  constexpr std::uint64_t kFourP0 = (std::uint64_t{1} << 53) - 76;
  constexpr std::uint64_t kFourP = (std::uint64_t{1} << 53) - 4;
  const Field25519 a = mulx_load_field(slots + kMulxSlotA);
  const Field25519 b = mulx_load_field(slots + kMulxSlotB);
  ProjectivePoint r;
  for (int i = 0; i < 5; ++i) {
    r.x.limb[i] = a.limb[i] + b.limb[i];
    r.z.limb[i] = a.limb[i] + (i == 0 ? kFourP0 : kFourP) - b.limb[i];
  }
  return r;
}

}  // namespace pssst::crypto
