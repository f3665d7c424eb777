/// Eight lanes in and out of the AVX-512 IFMA kernel: what the instructions and their model share.
/// Everything is `static inline`, and no function of a library is called but memcpy() and memset().
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"
#include "crypto/vector_registers.hpp"
#include "crypto/x25519_avx512ifma_step.hpp"

namespace pssst::crypto {

inline constexpr int kIfmaScalarWords = 4;
/// Bits 253 to 3 of a scalar are ladder steps; with bit 2, which a clamped scalar has clear, they
/// make 252 select bits, taken from the top of each word, the last word first.
inline constexpr std::uint64_t kIfmaStepsInWord[kIfmaScalarWords] = {59, 64, 64, 64};
inline constexpr std::int64_t kIfmaMask52 = (std::int64_t{1} << 52) - 1;
inline constexpr std::int64_t kIfmaMask47 = (std::int64_t{1} << 47) - 1;

/// All that is secret while eight lanes are multiplied.
struct alignas(64) IfmaVector {
  std::uint64_t slots[kIfmaSlots][kIfmaLanes];
  std::uint64_t select[kIfmaScalarWords][kIfmaLanes];
};

/// Five limbs of radix 2^52; signed, so that carries may be borrows.
struct IfmaLimbs {
  std::int64_t limb[5];
};

/// Limbs 0 to 3 in [0, 2^52), the rest in limb 4.
static inline void ifma_carry(IfmaLimbs& a) noexcept {
  for (int i = 0; i < 4; ++i) {
    a.limb[i + 1] += a.limb[i] >> 52;
    a.limb[i] &= kIfmaMask52;
  }
}

/// 32 bytes, little-endian, bit 255 ignored; below 2^255.
static inline IfmaLimbs ifma_from_bytes(const std::uint8_t* bytes) noexcept {
  std::uint64_t word[4];
  __builtin_memcpy(word, bytes, sizeof word);
  const std::uint64_t limb[5] = {word[0], word[0] >> 52 | word[1] << 12,
                                 word[1] >> 40 | word[2] << 24, word[2] >> 28 | word[3] << 36,
                                 word[3] >> 16};
  IfmaLimbs r;
  for (int i = 0; i < 5; ++i) r.limb[i] = static_cast<std::int64_t>(limb[i]) & kIfmaMask52;
  r.limb[4] &= kIfmaMask47;
  return r;
}

/// a + low + top * 2^208, which is not negative and below 2^257; reduced.
static inline IfmaLimbs ifma_shifted(IfmaLimbs a, std::int64_t low, std::int64_t top) noexcept {
  a.limb[0] += low;
  a.limb[4] += top;
  ifma_carry(a);
  a.limb[0] += 19 * (a.limb[4] >> 47);
  a.limb[4] &= kIfmaMask47;
  ifma_carry(a);
  return a;
}

static inline void ifma_store(const IfmaLimbs& a, std::uint64_t (*slots)[kIfmaLanes],
                              std::size_t lane) noexcept {
  for (int i = 0; i < 5; ++i) slots[i][lane] = static_cast<std::uint64_t>(a.limb[i]);
}

/// a + sign * b of two reduced elements, as a loose one of radix 2^51: 2 p is added.
static inline Field25519 ifma_load_sum(const std::uint64_t (*a)[kIfmaLanes],
                                       const std::uint64_t (*b)[kIfmaLanes], std::int64_t sign,
                                       std::size_t lane) noexcept {
  IfmaLimbs sum;
  for (int i = 0; i < 5; ++i) {
    sum.limb[i] = (static_cast<std::int64_t>(a[i][lane]) & kIfmaMask52) +
                  sign * (static_cast<std::int64_t>(b[i][lane]) & kIfmaMask52);
  }
  sum.limb[0] -= 38;
  sum.limb[4] += std::int64_t{1} << 48;
  ifma_carry(sum);
  std::uint64_t limb[5];
  for (int i = 0; i < 5; ++i) limb[i] = static_cast<std::uint64_t>(sum.limb[i]);
  // Limb 4 is below 2^50, the last one here below 2^54.
  return {{limb[0] & kLimbMask, (limb[0] >> 51 | limb[1] << 1) & kLimbMask,
           (limb[1] >> 50 | limb[2] << 2) & kLimbMask, (limb[2] >> 49 | limb[3] << 3) & kLimbMask,
           limb[3] >> 48 | limb[4] << 4}};
}

/// Bit t of k ^ (k >> 1) says whether bits t and t + 1 differ; bit 253 goes to the very top.
static inline void ifma_store_select(const std::uint8_t* scalar, IfmaVector& w,
                                     std::size_t lane) noexcept {
  std::uint64_t k[kIfmaScalarWords];
  std::uint64_t change[kIfmaScalarWords];
  __builtin_memcpy(k, scalar, sizeof k);
  for (int i = 0; i < kIfmaScalarWords; ++i) {
    const std::uint64_t next = i + 1 < kIfmaScalarWords ? k[i + 1] << 63 : 0;
    change[i] = k[i] ^ (k[i] >> 1 | next);
  }
  for (int i = 0; i < kIfmaScalarWords; ++i) {
    w.select[i][lane] = change[i] << 2 | (i > 0 ? change[i - 1] >> 62 : 0);
  }
}

/// (A, B) = (C, D) = P. Bit 254 of a clamped scalar is set, so the ladder begins at (2 P, P): the
/// kernel doubles (A, B) first, and the first select bit is that of bit 253.
static inline void ifma_load_lane(const std::uint8_t* scalar, const std::uint8_t* point,
                                  IfmaVector& w, std::size_t lane) noexcept {
  const IfmaLimbs u = ifma_from_bytes(point);
  const IfmaLimbs plus = ifma_shifted(u, 1, 0);
  const IfmaLimbs minus = ifma_shifted(u, -20, std::int64_t{1} << 47);  // u - 1 + p
  ifma_store(u, w.slots + kIfmaSlotU1, lane);
  ifma_store(plus, w.slots + kIfmaSlotA, lane);
  ifma_store(minus, w.slots + kIfmaSlotB, lane);
  ifma_store(plus, w.slots + kIfmaSlotC, lane);
  ifma_store(minus, w.slots + kIfmaSlotD, lane);
  ifma_store_select(scalar, w, lane);
}

/// (A, B) = (C, D) in lanes whose select word has its sign set.
static inline void ifma_select_last(std::uint64_t (*slots)[kIfmaLanes]) noexcept {
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
    std::uint64_t mask = 0 - (slots[kIfmaSlotSelect][lane] >> 63);
    // Hidden from the compiler, which could make a branch of two known masks.
    __asm__("" : "+r"(mask));
    for (std::size_t i = 0; i < kIfmaSlotC; ++i) {
      std::uint64_t& first = slots[kIfmaSlotA + i][lane];
      first ^= mask & (first ^ slots[kIfmaSlotC + i][lane]);
    }
  }
}

/// Lanes first to first + 8 of n; behind the last one it is repeated.
static inline void ifma_load_vector(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                    std::size_t first, std::size_t n, IfmaVector& w) noexcept {
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
    const std::size_t i = first + lane < n ? first + lane : n - 1;
    ifma_load_lane(scalars[i], points + 32 * i, w, lane);
  }
}

/// x + z and x - z are in A and B.
static inline void ifma_store_results(const IfmaVector& w, ProjectivePoint* results,
                                      std::size_t first, std::size_t n) noexcept {
  for (std::size_t lane = 0; lane < kIfmaLanes && first + lane < n; ++lane) {
    const auto* plus = w.slots + kIfmaSlotA;
    const auto* minus = w.slots + kIfmaSlotB;
    results[first + lane] = {ifma_load_sum(plus, minus, 1, lane),
                             ifma_load_sum(plus, minus, -1, lane)};
  }
}

/// The ladders of one vector or two.
template <class Steps, class Doublings>
static inline void ifma_multiply_vectors(IfmaVector* w, std::size_t vectors, Steps ladder_steps,
                                         Doublings doublings) noexcept {
  auto* const first = w[0].slots;
  auto* const last = w[vectors - 1].slots;
  doublings(first, vectors, last);
  for (int word = kIfmaScalarWords - 1; word >= 0; --word) {
    for (std::size_t i = 0; i < vectors; ++i) {
      __builtin_memcpy(w[i].slots[kIfmaSlotSelect], w[i].select[word], sizeof w[i].select[word]);
    }
    ladder_steps(first, vectors * kIfmaStepsInWord[word], last);
  }
  for (std::size_t i = 0; i < vectors; ++i) ifma_select_last(w[i].slots);
  doublings(first, vectors * 3, last);
}

/// The ladders of n lanes, sixteen at a time. Not inlined, so that what it leaves on the stack lies
/// where ifma_wipe_stack() reaches it.
template <class Steps, class Doublings>
[[gnu::noinline]] static void ifma_multiply_all(const std::uint8_t* const* scalars,
                                                const std::uint8_t* points,
                                                ProjectivePoint* results, std::size_t n,
                                                IfmaVector* w, Steps ladder_steps,
                                                Doublings doublings) noexcept {
  for (std::size_t first = 0; first < n; first += 2 * kIfmaLanes) {
    const std::size_t vectors = n - first > kIfmaLanes ? 2 : 1;
    for (std::size_t i = 0; i < vectors; ++i) {
      ifma_load_vector(scalars, points, first + i * kIfmaLanes, n, w[i]);
    }
    ifma_multiply_vectors(w, vectors, ladder_steps, doublings);
    for (std::size_t i = 0; i < vectors; ++i) {
      ifma_store_results(w[i], results, first + i * kIfmaLanes, n);
    }
  }
}

[[maybe_unused, gnu::noinline]] static void ifma_wipe_stack() noexcept {
  std::uint64_t below[256];
  __builtin_memset(below, 0, sizeof below);
  __asm__ volatile("" : : "r"(below) : "memory");  // keeps the wipe
}

/// X25519Ladders by functions like those of x25519_avx512ifma_step.hpp.
template <class Steps, class Doublings>
static inline void ifma_ladders(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                ProjectivePoint* results, std::size_t n, Steps ladder_steps,
                                Doublings doublings) noexcept {
  IfmaVector w[2];
  ifma_multiply_all(scalars, points, results, n, w, ladder_steps, doublings);
  __builtin_memset(w, 0, sizeof w);
  __asm__ volatile("" : : "r"(w) : "memory");  // keeps the wipe
  ifma_wipe_stack();
  wipe_vector_registers();
}

}  // namespace pssst::crypto
