/// Arithmetic modulo p = 2^255 - 19 in portable C++: five 64-bit limbs of radix 2^51.
///
/// An element is sum limb[i] * 2^(51 i) and has many representations. Two ranges are in use:
///   reduced   limb[i] < 2^51 + 2^13
///   loose     limb[i] < 2^54
/// Each function names what it takes and gives; a reduced element is also a loose one. Constant
/// time throughout. Everything is `static inline`: each translation unit has copies of its own, so
/// one that is compiled for a newer instruction set lends them to nobody.
#pragma once

#include <cstdint>

namespace pssst::crypto {

__extension__ using Uint128 = unsigned __int128;

struct Field25519 {
  std::uint64_t limb[5];
};

inline constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << 51) - 1;

/// Reduced.
static inline Field25519 field_small(std::uint64_t value) noexcept {
  return {{value & kLimbMask, value >> 51, 0, 0, 0}};
}

/// Reduced + reduced gives loose (< 2^53).
static inline Field25519 field_add(const Field25519& a, const Field25519& b) noexcept {
  Field25519 r;
  for (int i = 0; i < 5; ++i) r.limb[i] = a.limb[i] + b.limb[i];
  return r;
}

/// Reduced - reduced gives loose (< 2^53): 2p is added, whose limbs exceed every reduced one.
static inline Field25519 field_subtract(const Field25519& a, const Field25519& b) noexcept {
  constexpr std::uint64_t kTwoP0 = (std::uint64_t{1} << 52) - 38;
  constexpr std::uint64_t kTwoP = (std::uint64_t{1} << 52) - 2;
  Field25519 r;
  r.limb[0] = a.limb[0] + kTwoP0 - b.limb[0];
  for (int i = 1; i < 5; ++i) r.limb[i] = a.limb[i] + kTwoP - b.limb[i];
  return r;
}

/// The columns of a product of loose factors: c0 to c3 at most 77 * 2^108 (up to four of a column's
/// five products are taken 19 times), c4 at most 5 * 2^108 (none is). So each carry fits 64 bits,
/// and so does 19 times the last. Gives reduced.
static inline Field25519 field_carry(Uint128 c0, Uint128 c1, Uint128 c2, Uint128 c3,
                                     Uint128 c4) noexcept {
  Field25519 r;
  c1 += static_cast<std::uint64_t>(c0 >> 51);
  c2 += static_cast<std::uint64_t>(c1 >> 51);
  c3 += static_cast<std::uint64_t>(c2 >> 51);
  c4 += static_cast<std::uint64_t>(c3 >> 51);
  const auto top = static_cast<std::uint64_t>(c4 >> 51);
  const std::uint64_t low = (static_cast<std::uint64_t>(c0) & kLimbMask) + 19 * top;
  r.limb[0] = low & kLimbMask;
  r.limb[1] = (static_cast<std::uint64_t>(c1) & kLimbMask) + (low >> 51);
  r.limb[2] = static_cast<std::uint64_t>(c2) & kLimbMask;
  r.limb[3] = static_cast<std::uint64_t>(c3) & kLimbMask;
  r.limb[4] = static_cast<std::uint64_t>(c4) & kLimbMask;
  return r;
}

/// Loose * loose gives reduced.
static inline Field25519 field_multiply(const Field25519& a, const Field25519& b) noexcept {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  const auto [b0, b1, b2, b3, b4] = b.limb;
  const std::uint64_t b1_19 = 19 * b1;
  const std::uint64_t b2_19 = 19 * b2;
  const std::uint64_t b3_19 = 19 * b3;
  const std::uint64_t b4_19 = 19 * b4;
  const auto x = [](std::uint64_t u, std::uint64_t v) noexcept { return Uint128{u} * v; };
  return field_carry(x(a0, b0) + x(a1, b4_19) + x(a2, b3_19) + x(a3, b2_19) + x(a4, b1_19),
                     x(a0, b1) + x(a1, b0) + x(a2, b4_19) + x(a3, b3_19) + x(a4, b2_19),
                     x(a0, b2) + x(a1, b1) + x(a2, b0) + x(a3, b4_19) + x(a4, b3_19),
                     x(a0, b3) + x(a1, b2) + x(a2, b1) + x(a3, b0) + x(a4, b4_19),
                     x(a0, b4) + x(a1, b3) + x(a2, b2) + x(a3, b1) + x(a4, b0));
}

/// The columns of a^2, as field_carry() takes them.
struct Columns25519 {
  Uint128 c0, c1, c2, c3, c4;
};
static inline Columns25519 field_square_columns(const Field25519& a) noexcept {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  const std::uint64_t a0_2 = 2 * a0;
  const std::uint64_t a1_2 = 2 * a1;
  const std::uint64_t a2_2 = 2 * a2;
  const std::uint64_t a3_19 = 19 * a3;
  const std::uint64_t a4_19 = 19 * a4;
  const auto x = [](std::uint64_t u, std::uint64_t v) noexcept { return Uint128{u} * v; };
  return {x(a0, a0) + x(a1_2, a4_19) + x(a2_2, a3_19), x(a0_2, a1) + x(a2_2, a4_19) + x(a3, a3_19),
          x(a0_2, a2) + x(a1, a1) + x(2 * a3, a4_19), x(a0_2, a3) + x(a1_2, a2) + x(a4, a4_19),
          x(a0_2, a4) + x(a1_2, a3) + x(a2, a2)};
}

/// Loose gives reduced.
static inline Field25519 field_square(const Field25519& a) noexcept {
  const auto [c0, c1, c2, c3, c4] = field_square_columns(a);
  return field_carry(c0, c1, c2, c3, c4);
}

/// field_square() of reduced alone, with all carries at once, twice: more operations but less
/// latency, which counts where each square waits for the one before; an inversion takes 15 % less.
/// The columns are at most 78 * 2^102: so a first carry is below 2^58 and leaves limbs below
/// 97 * 2^51, with 19 times the last; a second one is below 97, 19 times it below 2^11. Gives
/// reduced.
static inline Field25519 field_square_reduced(const Field25519& a) noexcept {
  const auto [c0, c1, c2, c3, c4] = field_square_columns(a);
  const auto low = [](Uint128 c) noexcept { return static_cast<std::uint64_t>(c) & kLimbMask; };
  const auto high = [](Uint128 c) noexcept { return static_cast<std::uint64_t>(c >> 51); };
  const std::uint64_t r0 = low(c0) + 19 * high(c4);
  const std::uint64_t r1 = low(c1) + high(c0);
  const std::uint64_t r2 = low(c2) + high(c1);
  const std::uint64_t r3 = low(c3) + high(c2);
  const std::uint64_t r4 = low(c4) + high(c3);
  return {{low(r0) + 19 * (r4 >> 51), low(r1) + (r0 >> 51), low(r2) + (r1 >> 51),
           low(r3) + (r2 >> 51), low(r4) + (r3 >> 51)}};
}

/// a^(2^n). Loose gives reduced; n at least 1.
static inline Field25519 field_square_times(const Field25519& a, int n) noexcept {
  Field25519 r = field_square(a);
  for (int i = 1; i < n; ++i) r = field_square_reduced(r);
  return r;
}

/// Loose * factor gives reduced; factor below 2^17.
static inline Field25519 field_multiply_small(const Field25519& a, std::uint32_t factor) noexcept {
  return field_carry(Uint128{a.limb[0]} * factor, Uint128{a.limb[1]} * factor,
                     Uint128{a.limb[2]} * factor, Uint128{a.limb[3]} * factor,
                     Uint128{a.limb[4]} * factor);
}

/// a^(2^250 - 1), and a^11 on the side: what both exponents below begin with. Loose gives reduced.
static inline Field25519 field_power_common(const Field25519& a, Field25519& power_11) noexcept {
  const Field25519 power_2 = field_square(a);
  const Field25519 power_9 = field_multiply(field_square_times(power_2, 2), a);
  power_11 = field_multiply(power_9, power_2);
  // ones_n = a^(2^n - 1)
  const Field25519 ones_5 = field_multiply(field_square(power_11), power_9);
  const Field25519 ones_10 = field_multiply(field_square_times(ones_5, 5), ones_5);
  const Field25519 ones_20 = field_multiply(field_square_times(ones_10, 10), ones_10);
  const Field25519 ones_40 = field_multiply(field_square_times(ones_20, 20), ones_20);
  const Field25519 ones_50 = field_multiply(field_square_times(ones_40, 10), ones_10);
  const Field25519 ones_100 = field_multiply(field_square_times(ones_50, 50), ones_50);
  const Field25519 ones_200 = field_multiply(field_square_times(ones_100, 100), ones_100);
  return field_multiply(field_square_times(ones_200, 50), ones_50);
}

/// 1 / a = a^(p - 2), and 0 for 0. Loose gives reduced. p - 2 = (2^250 - 1) 2^5 + 11.
static inline Field25519 field_invert(const Field25519& a) noexcept {
  Field25519 power_11;
  const Field25519 ones_250 = field_power_common(a, power_11);
  return field_multiply(field_square_times(ones_250, 5), power_11);
}

/// a^((p - 1) / 2): 1 for a square, p - 1 for another value, 0 for 0 (Euler's criterion). Loose
/// gives reduced. (p - 1) / 2 = (2^250 - 1) 2^4 + 6.
static inline Field25519 field_euler(const Field25519& a) noexcept {
  Field25519 power_11;
  const Field25519 ones_250 = field_power_common(a, power_11);
  const Field25519 power_6 = field_square(field_multiply(field_square(a), a));
  return field_multiply(field_square_times(ones_250, 4), power_6);
}

/// Exchanges the two where `mask` is all ones, leaves them where it is 0. Any range.
static inline void field_swap(Field25519& a, Field25519& b, std::uint64_t mask) noexcept {
  // Hidden from the compiler, which could make a branch of two known masks.
  __asm__("" : "+r"(mask));
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t difference = mask & (a.limb[i] ^ b.limb[i]);
    a.limb[i] ^= difference;
    b.limb[i] ^= difference;
  }
}

/// 32 bytes, little-endian, bit 255 ignored; values of p and above are taken modulo p (RFC 7748,
/// section 5). Reduced.
static inline Field25519 field_from_bytes(const std::uint8_t* bytes) noexcept {
  std::uint64_t word[4];
  for (int i = 0; i < 4; ++i) {
    word[i] = 0;
    for (int j = 7; j >= 0; --j) word[i] = word[i] << 8 | bytes[8 * i + j];
  }
  return {{word[0] & kLimbMask, (word[0] >> 51 | word[1] << 13) & kLimbMask,
           (word[1] >> 38 | word[2] << 26) & kLimbMask, (word[2] >> 25 | word[3] << 39) & kLimbMask,
           word[3] >> 12 & kLimbMask}};
}

/// The canonical 32 bytes (below p). Takes reduced.
static inline void field_to_bytes(const Field25519& a, std::uint8_t* bytes) noexcept {
  std::uint64_t limb[5];
  for (int i = 0; i < 5; ++i) limb[i] = a.limb[i];
  for (int i = 0; i < 4; ++i) {
    limb[i + 1] += limb[i] >> 51;
    limb[i] &= kLimbMask;
  }
  limb[0] += 19 * (limb[4] >> 51);
  limb[4] &= kLimbMask;
  // Now the value is below 2^255 + 19, so below 2p. It is p or more exactly if adding 19 carries
  // out of bit 254, and then that sum without the carry is the value less p.
  std::uint64_t carry = 19;
  for (const std::uint64_t l : limb) carry = (l + carry) >> 51;
  limb[0] += 19 * carry;
  for (int i = 0; i < 4; ++i) {
    limb[i + 1] += limb[i] >> 51;
    limb[i] &= kLimbMask;
  }
  limb[4] &= kLimbMask;
  const std::uint64_t word[4] = {limb[0] | limb[1] << 51, limb[1] >> 13 | limb[2] << 38,
                                 limb[2] >> 26 | limb[3] << 25, limb[3] >> 39 | limb[4] << 12};
  for (int i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(word[i / 8] >> (8 * (i % 8)));
}

/// All ones if the element is 0 modulo p, else 0. Takes reduced.
static inline std::uint64_t field_zero_mask(const Field25519& a) noexcept {
  std::uint8_t bytes[32];
  field_to_bytes(a, bytes);
  std::uint64_t any = 0;
  for (const std::uint8_t byte : bytes) any |= byte;
  return 0 - ((any - 1) >> 63);
}

}  // namespace pssst::crypto
