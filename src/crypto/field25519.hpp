/// Arithmetic modulo p = 2^255 - 19 in portable C++: five 64-bit limbs of radix 2^51.
///
/// An element is sum limb[i] * 2^(51 i) and has many representations. Two ranges are in use:
///   reduced   limb[i] < 2^51 + 2^13
///   loose     limb[i] < 2^54
/// Each function names what it takes and gives; a reduced element is also a loose one. Constant
/// time throughout. Everything is `static inline`: each translation unit has copies of its own, so
/// one that is compiled for a newer instruction set lends them to nobody.
///
/// What computes is a template over the limb's type: code runs it on 64-bit words, and
/// tests/crypto/field25519_bounds_test.cpp on intervals, which proves these ranges. A limb type
/// brings +, - and * and the functions field_product(), field_low() and field_high() below.
#pragma once

#include <cstdint>

namespace pssst::crypto {

__extension__ using Uint128 = unsigned __int128;

template <class Limb>
struct FieldElement {
  Limb limb[5];
};
using Field25519 = FieldElement<std::uint64_t>;

inline constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << 51) - 1;

static inline Uint128 field_product(std::uint64_t a, std::uint64_t b) noexcept {
  return Uint128{a} * b;
}
/// A column holds 2^13 times its value: what is carried on, from bit 51, is then its upper word,
/// and no shift of two words is needed. Inversions take 10 % less for it, products up to 20 %.
inline constexpr std::uint64_t kColumnScale = 1 << 13;

/// The part of a limb or column that stays.
static inline std::uint64_t field_low(std::uint64_t limb) noexcept {
  return limb & kLimbMask;
}
static inline std::uint64_t field_low(Uint128 column) noexcept {
  return static_cast<std::uint64_t>(column) / kColumnScale;
}
/// The part that is carried on.
static inline std::uint64_t field_high(std::uint64_t limb) noexcept {
  return limb >> 51;
}
static inline std::uint64_t field_high(Uint128 column) noexcept {
  return static_cast<std::uint64_t>(column >> 64);
}

/// Reduced.
template <class Limb = std::uint64_t>
static inline FieldElement<Limb> field_small(std::uint64_t value) noexcept {
  return {{Limb{value & kLimbMask}, Limb{value >> 51}, Limb{0}, Limb{0}, Limb{0}}};
}

/// Reduced + reduced gives loose (< 2^53).
template <class Limb>
static inline FieldElement<Limb> field_add(const FieldElement<Limb>& a,
                                           const FieldElement<Limb>& b) noexcept {
  FieldElement<Limb> r;
  for (int i = 0; i < 5; ++i) r.limb[i] = a.limb[i] + b.limb[i];
  return r;
}

/// Reduced - reduced gives loose (< 2^53): 2p is added, whose limbs exceed every reduced one.
template <class Limb>
static inline FieldElement<Limb> field_subtract(const FieldElement<Limb>& a,
                                                const FieldElement<Limb>& b) noexcept {
  constexpr std::uint64_t kTwoP0 = (std::uint64_t{1} << 52) - 38;
  constexpr std::uint64_t kTwoP = (std::uint64_t{1} << 52) - 2;
  FieldElement<Limb> r;
  r.limb[0] = a.limb[0] + kTwoP0 - b.limb[0];
  for (int i = 1; i < 5; ++i) r.limb[i] = a.limb[i] + kTwoP - b.limb[i];
  return r;
}

/// Limbs at once: each keeps its low part and takes its neighbour's high part. Loose gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_reduce(const FieldElement<Limb>& a) noexcept {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  return {{field_low(a0) + 19 * field_high(a4), field_low(a1) + field_high(a0),
           field_low(a2) + field_high(a1), field_low(a3) + field_high(a2),
           field_low(a4) + field_high(a3)}};
}

/// The columns of a product: c0 + c1 2^51 + ..., the wrap at 2^255 done, all times kColumnScale.
template <class Limb>
struct FieldColumns {
  decltype(field_product(Limb{}, Limb{})) c0, c1, c2, c3, c4;
};

/// The columns of a product of loose factors: c0 to c3 at most 77 * 2^108 (up to four of a column's
/// five products are taken 19 times), c4 at most 5 * 2^108 (none is), before they are scaled. So
/// each carry fits 64 bits, and so does 19 times the last. Gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_carry(FieldColumns<Limb> c) noexcept {
  c.c4 += field_product(field_high(c.c3), Limb{kColumnScale});
  const Limb r0 = field_low(c.c0) + 19 * field_high(c.c4);
  const Limb r1 = field_low(c.c1) + field_high(c.c0);
  const Limb r2 = field_low(c.c2) + field_high(c.c1);
  const Limb r3 = field_low(c.c3) + field_high(c.c2);
  return {{field_low(r0), field_low(r1) + field_high(r0), field_low(r2) + field_high(r1),
           field_low(r3) + field_high(r2), field_low(c.c4) + field_high(r3)}};
}

/// Loose * loose gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_multiply(const FieldElement<Limb>& a,
                                                const FieldElement<Limb>& b) noexcept {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  const auto [b0, b1, b2, b3, b4] = b.limb;
  const Limb b1_19 = 19 * b1;
  const Limb b2_19 = 19 * b2;
  const Limb b3_19 = 19 * b3;
  const Limb b4_19 = 19 * b4;
  // 2^9 times a loose limb and 2^4 * 19 times another fit 64 bits.
  const auto x = [](const Limb& u, const Limb& v) noexcept {
    return field_product(512 * u, kColumnScale / 512 * v);
  };
  return field_carry<Limb>({x(a0, b0) + x(a1, b4_19) + x(a2, b3_19) + x(a3, b2_19) + x(a4, b1_19),
                            x(a0, b1) + x(a1, b0) + x(a2, b4_19) + x(a3, b3_19) + x(a4, b2_19),
                            x(a0, b2) + x(a1, b1) + x(a2, b0) + x(a3, b4_19) + x(a4, b3_19),
                            x(a0, b3) + x(a1, b2) + x(a2, b1) + x(a3, b0) + x(a4, b4_19),
                            x(a0, b4) + x(a1, b3) + x(a2, b2) + x(a3, b1) + x(a4, b0)});
}

template <class Limb>
static inline FieldColumns<Limb> field_square_columns(const FieldElement<Limb>& a) noexcept {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  const Limb a3_19 = 19 * a3;
  const Limb a4_19 = 19 * a4;
  // 2^9 times a loose limb and 2^5 * 19 times another fit 64 bits.
  const auto x = [](const Limb& u, const Limb& v) noexcept {
    return field_product(512 * u, kColumnScale / 512 * v);
  };
  const auto twice = [](const Limb& u, const Limb& v) noexcept {
    return field_product(512 * u, 2 * kColumnScale / 512 * v);
  };
  return {x(a0, a0) + twice(a1, a4_19) + twice(a2, a3_19),
          twice(a0, a1) + twice(a2, a4_19) + x(a3, a3_19),
          twice(a0, a2) + x(a1, a1) + twice(a3, a4_19),
          twice(a0, a3) + twice(a1, a2) + x(a4, a4_19), twice(a0, a4) + twice(a1, a3) + x(a2, a2)};
}

/// Loose gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_square(const FieldElement<Limb>& a) noexcept {
  return field_carry<Limb>(field_square_columns(a));
}

/// field_square() of reduced alone, with all carries at once, twice: less latency, which counts
/// where each square waits for the one before. The columns are at most 78 * 2^102: so a first carry
/// is below 2^58 and leaves limbs below 97 * 2^51, with 19 times the last; a second one is below
/// 97, 19 times it below 2^11. Gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_square_reduced(const FieldElement<Limb>& a) noexcept {
  const auto [c0, c1, c2, c3, c4] = field_square_columns(a);
  return field_reduce<Limb>({{field_low(c0) + 19 * field_high(c4), field_low(c1) + field_high(c0),
                              field_low(c2) + field_high(c1), field_low(c3) + field_high(c2),
                              field_low(c4) + field_high(c3)}});
}

/// a^(2^n). Loose gives reduced; n at least 1.
template <class Limb>
static inline FieldElement<Limb> field_square_times(const FieldElement<Limb>& a, int n) noexcept {
  FieldElement<Limb> r = field_square(a);
  for (int i = 1; i < n; ++i) r = field_square_reduced(r);
  return r;
}

/// Loose * factor gives reduced; factor below 2^17.
template <class Limb>
static inline FieldElement<Limb> field_multiply_small(const FieldElement<Limb>& a,
                                                      std::uint32_t factor) noexcept {
  const auto x = [factor](const Limb& u) noexcept {
    return field_product(u, Limb{kColumnScale * factor});
  };
  return field_carry<Limb>({x(a.limb[0]), x(a.limb[1]), x(a.limb[2]), x(a.limb[3]), x(a.limb[4])});
}

/// a^(2^250 - 1), and a^11 on the side: what both exponents below begin with. Loose gives reduced.
template <class Limb>
static inline FieldElement<Limb> field_power_common(const FieldElement<Limb>& a,
                                                    FieldElement<Limb>& power_11) noexcept {
  const FieldElement<Limb> power_2 = field_square(a);
  const FieldElement<Limb> power_9 = field_multiply(field_square_times(power_2, 2), a);
  power_11 = field_multiply(power_9, power_2);
  // ones_n = a^(2^n - 1)
  const FieldElement<Limb> ones_5 = field_multiply(field_square(power_11), power_9);
  const FieldElement<Limb> ones_10 = field_multiply(field_square_times(ones_5, 5), ones_5);
  const FieldElement<Limb> ones_20 = field_multiply(field_square_times(ones_10, 10), ones_10);
  const FieldElement<Limb> ones_40 = field_multiply(field_square_times(ones_20, 20), ones_20);
  const FieldElement<Limb> ones_50 = field_multiply(field_square_times(ones_40, 10), ones_10);
  const FieldElement<Limb> ones_100 = field_multiply(field_square_times(ones_50, 50), ones_50);
  const FieldElement<Limb> ones_200 = field_multiply(field_square_times(ones_100, 100), ones_100);
  return field_multiply(field_square_times(ones_200, 50), ones_50);
}

/// 1 / a = a^(p - 2), and 0 for 0. Loose gives reduced. p - 2 = (2^250 - 1) 2^5 + 11.
template <class Limb>
static inline FieldElement<Limb> field_invert(const FieldElement<Limb>& a) noexcept {
  FieldElement<Limb> power_11;
  const FieldElement<Limb> ones_250 = field_power_common(a, power_11);
  return field_multiply(field_square_times(ones_250, 5), power_11);
}

/// a^((p - 1) / 2): 1 for a square, p - 1 for another value, 0 for 0 (Euler's criterion). Loose
/// gives reduced. (p - 1) / 2 = (2^250 - 1) 2^4 + 6.
template <class Limb>
static inline FieldElement<Limb> field_euler(const FieldElement<Limb>& a) noexcept {
  FieldElement<Limb> power_11;
  const FieldElement<Limb> ones_250 = field_power_common(a, power_11);
  const FieldElement<Limb> power_6 = field_square(field_multiply(field_square(a), a));
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

/// 0 where `mask` is all ones, left where it is 0. Any range.
static inline void field_clear_where(Field25519& a, std::uint64_t mask) noexcept {
  for (std::uint64_t& limb : a.limb) limb &= ~mask;
}

/// 1 where `mask` is all ones, left where it is 0. Any range.
static inline void field_one_where(Field25519& a, std::uint64_t mask) noexcept {
  field_clear_where(a, mask);
  a.limb[0] |= mask & 1;
}

/// 32 bytes, little-endian, bit 255 ignored; values of p and above are taken modulo p (RFC 7748,
/// section 5). Reduced.
static inline Field25519 field_from_bytes(const std::uint8_t* bytes) noexcept {
  std::uint64_t word[4];
  __builtin_memcpy(word, bytes, sizeof word);
  return {{word[0] & kLimbMask, (word[0] >> 51 | word[1] << 13) & kLimbMask,
           (word[1] >> 38 | word[2] << 26) & kLimbMask, (word[2] >> 25 | word[3] << 39) & kLimbMask,
           word[3] >> 12 & kLimbMask}};
}

/// Below p, limbs below 2^51. Takes reduced.
template <class Limb>
static inline FieldElement<Limb> field_canonical(FieldElement<Limb> a) noexcept {
  for (int i = 0; i < 4; ++i) {
    a.limb[i + 1] += field_high(a.limb[i]);
    a.limb[i] = field_low(a.limb[i]);
  }
  a.limb[0] += 19 * field_high(a.limb[4]);
  a.limb[4] = field_low(a.limb[4]);
  // Now the value is below 2^255 + 19, so below 2p. It is p or more exactly if adding 19 carries
  // out of bit 254, and then that sum without the carry is the value less p.
  Limb carry{19};
  for (const Limb& l : a.limb) carry = field_high(l + carry);
  a.limb[0] += 19 * carry;
  for (int i = 0; i < 4; ++i) {
    a.limb[i + 1] += field_high(a.limb[i]);
    a.limb[i] = field_low(a.limb[i]);
  }
  a.limb[4] = field_low(a.limb[4]);
  return a;
}

/// The canonical 32 bytes (below p). Takes reduced.
static inline void field_to_bytes(const Field25519& a, std::uint8_t* bytes) noexcept {
  const auto [l0, l1, l2, l3, l4] = field_canonical(a).limb;
  const std::uint64_t word[4] = {l0 | l1 << 51, l1 >> 13 | l2 << 38, l2 >> 26 | l3 << 25,
                                 l3 >> 39 | l4 << 12};
  __builtin_memcpy(bytes, word, sizeof word);
}

/// All ones if the element is 0 modulo p, else 0. Takes reduced.
static inline std::uint64_t field_zero_mask(const Field25519& a) noexcept {
  const auto [l0, l1, l2, l3, l4] = field_canonical(a).limb;
  return 0 - (((l0 | l1 | l2 | l3 | l4) - 1) >> 63);
}

}  // namespace pssst::crypto
