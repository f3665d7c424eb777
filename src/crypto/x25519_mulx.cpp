#include "crypto/x25519_ladders.hpp"
#include "crypto/x25519_mulx_step.hpp"

namespace pssst::crypto {
namespace {

constexpr int kWords = 4;
constexpr std::size_t kSize = 32;
/// Bits 253 to 3 of a scalar are ladder steps; with bit 2, which a clamped scalar has clear, they
/// make 252 select bits, taken from the top of each word, the last word first.
constexpr std::uint64_t kStepsInWord[kWords] = {59, 64, 64, 64};

/// All that is secret while a lane is multiplied.
struct alignas(64) Workspace {
  std::uint64_t slots[kMulxSlots];
  std::uint64_t select[kWords];
};

/// r = a + b, below 2^256.
void add_words(const std::uint64_t* a, const std::uint64_t (&b)[kWords],
               std::uint64_t* r) noexcept {
  Uint128 sum = 0;
  for (int i = 0; i < kWords; ++i) {
    sum = (sum >> 64) + a[i] + b[i];
    r[i] = static_cast<std::uint64_t>(sum);
  }
}

/// (A, B) = (C, D) = P, by A = u + 1 and B = u + p - 1. Bit 254 of a clamped scalar is set, so the
/// ladder begins at (2 P, P): (A, B) is doubled first, and the first select bit is that of bit 253.
void load_point(const std::uint8_t* point, std::uint64_t* slots) noexcept {
  constexpr std::uint64_t kOne[kWords] = {1, 0, 0, 0};
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  constexpr std::uint64_t kMinusOne[kWords] = {kOnes - 19, kOnes, kOnes, kOnes >> 1};
  std::uint64_t* const u = slots + kMulxSlotU;
  __builtin_memcpy(u, point, kSize);
  u[kWords - 1] &= kOnes >> 1;
  add_words(u, kOne, slots + kMulxSlotA);
  add_words(u, kMinusOne, slots + kMulxSlotB);
  add_words(u, kOne, slots + kMulxSlotC);
  add_words(u, kMinusOne, slots + kMulxSlotD);
}

/// Bit t of k ^ (k >> 1) says whether bits t and t + 1 differ; bit 253 goes to the very top.
void load_select(const std::uint8_t* scalar, std::uint64_t* select) noexcept {
  __builtin_memcpy(select, scalar, kSize);
  for (int i = kWords - 1; i >= 0; --i) {
    const std::uint64_t word = select[i];
    const std::uint64_t below = i > 0 ? select[i - 1] : 0;
    select[i] = (word << 2 | below >> 62) ^ (word << 1 | below >> 63);
  }
}

/// (A, B) = (C, D) if the select word has its top bit set.
void select_last(std::uint64_t* slots) noexcept {
  std::uint64_t mask = 0 - (slots[kMulxSlotSelect] >> 63);
  // Hidden from the compiler, which could make a branch of two known masks.
  __asm__("" : "+r"(mask));
  for (std::size_t i = 0; i < kMulxSlotC; ++i) {
    slots[i] ^= mask & (slots[i] ^ slots[kMulxSlotC + i]);
  }
}

/// Any value below 2^256; limbs below 2^51, the last below 2^52.
Field25519 field_from_words(const std::uint64_t* word) noexcept {
  return {{word[0] & kLimbMask, (word[0] >> 51 | word[1] << 13) & kLimbMask,
           (word[1] >> 38 | word[2] << 26) & kLimbMask, (word[2] >> 25 | word[3] << 39) & kLimbMask,
           word[3] >> 12}};
}

/// A + B and A - B, twice x and z; loose. 4 p is added to the latter, whose limbs are about 2^53.
ProjectivePoint load_result(const std::uint64_t* slots) noexcept {
  constexpr std::uint64_t kFourP0 = (std::uint64_t{1} << 53) - 76;
  constexpr std::uint64_t kFourP = (std::uint64_t{1} << 53) - 4;
  const Field25519 a = field_from_words(slots + kMulxSlotA);
  const Field25519 b = field_from_words(slots + kMulxSlotB);
  ProjectivePoint r;
  for (int i = 0; i < 5; ++i) {
    r.x.limb[i] = a.limb[i] + b.limb[i];
    r.z.limb[i] = a.limb[i] + (i == 0 ? kFourP0 : kFourP) - b.limb[i];
  }
  return r;
}

void ladder(Workspace& w) noexcept {
  x25519_mulx_doublings(w.slots, 1);
  for (int i = kWords - 1; i >= 0; --i) {
    w.slots[kMulxSlotSelect] = w.select[i];
    x25519_mulx_ladder_steps(w.slots, kStepsInWord[i]);
  }
  select_last(w.slots);
  x25519_mulx_doublings(w.slots, 3);
}

}  // namespace

void x25519_ladders_mulx(const std::uint8_t* const* scalars, const std::uint8_t* points,
                         ProjectivePoint* results, std::size_t n) noexcept {
  Workspace w;
  for (std::size_t i = 0; i < n; ++i) {
    load_point(points + kSize * i, w.slots);
    load_select(scalars[i], w.select);
    ladder(w);
    results[i] = load_result(w.slots);
  }
  __builtin_memset(&w, 0, sizeof w);
  __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
}

}  // namespace pssst::crypto
