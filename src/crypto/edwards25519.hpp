/// The twisted Edwards form of Curve25519, -x^2 + y^2 = 1 + d x^2 y^2 with d = -121665/121666
/// (RFC 7748, section 4.1: "edwards25519"), where u = (1 + y) / (1 - y). -1 is a square modulo p
/// and d is not, so these formulas (Hisil, Wong, Carter, Dawson 2008) hold for every two points.
/// Like field25519.hpp: constant time, `static inline`, a copy for each translation unit; templates
/// over the limb's type, for tests/crypto/field25519_bounds_test.cpp.
#pragma once

#include "crypto/field25519.hpp"

namespace pssst::crypto {

/// x = X / Z, y = Y / Z. Reduced.
template <class Limb>
struct BasicEdwardsPoint {
  FieldElement<Limb> x, y, z;
};
using EdwardsPoint = BasicEdwardsPoint<std::uint64_t>;

/// With t = X Y / Z. Reduced.
template <class Limb>
struct BasicEdwardsExtended {
  BasicEdwardsPoint<Limb> point;
  FieldElement<Limb> t;
};
using EdwardsExtended = BasicEdwardsExtended<std::uint64_t>;

/// An addend: y + x, y - x, 2 d x y of Z = 1. Loose.
template <class Limb>
struct BasicEdwardsAddend {
  FieldElement<Limb> y_plus_x, y_minus_x, xy_2d;
};
using EdwardsAddend = BasicEdwardsAddend<std::uint64_t>;

inline constexpr Field25519 kEdwardsD{
    {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}};
inline constexpr Field25519 kEdwards2D{
    {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
inline constexpr Field25519 kSqrtMinusOne{
    {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};
inline constexpr EdwardsPoint kEdwardsNeutral{
    {{0, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}};

/// A constant in the limb's type.
template <class Limb>
static inline FieldElement<Limb> field_constant(const Field25519& a) noexcept {
  return {{Limb{a.limb[0]}, Limb{a.limb[1]}, Limb{a.limb[2]}, Limb{a.limb[3]}, Limb{a.limb[4]}}};
}

/// The sum of two elements with limbs below 2^53, which field_add() and field_subtract() give, is
/// loose.
template <class Limb>
static inline FieldElement<Limb> field_add_wide(const FieldElement<Limb>& a,
                                                const FieldElement<Limb>& b) noexcept {
  FieldElement<Limb> r;
  for (int i = 0; i < 5; ++i) r.limb[i] = a.limb[i] + b.limb[i];
  return r;
}

/// The end of doubling and of adding: (e f, g h, f g), from loose.
template <class Limb>
static inline BasicEdwardsPoint<Limb> edwards_complete(const FieldElement<Limb>& e,
                                                       const FieldElement<Limb>& f,
                                                       const FieldElement<Limb>& g,
                                                       const FieldElement<Limb>& h) noexcept {
  return {field_multiply(e, f), field_multiply(g, h), field_multiply(f, g)};
}

template <class Limb>
static inline BasicEdwardsExtended<Limb> edwards_double(const BasicEdwardsPoint<Limb>& p) noexcept {
  const FieldElement<Limb> xx = field_square(p.x);
  const FieldElement<Limb> yy = field_square(p.y);
  const FieldElement<Limb> zz = field_square(p.z);
  const FieldElement<Limb> xy = field_multiply(p.x, p.y);
  const FieldElement<Limb> e = field_add(xy, xy);
  const FieldElement<Limb> h = field_add(yy, xx);
  const FieldElement<Limb> g = field_subtract(yy, xx);
  const FieldElement<Limb> f = field_add_wide(field_add(zz, zz), field_subtract(xx, yy));
  return {edwards_complete(e, f, g, h), field_multiply(e, h)};
}

/// p + q for any two points. Without t: a doubling does not need it.
template <class Limb>
static inline BasicEdwardsPoint<Limb> edwards_add(const BasicEdwardsExtended<Limb>& p,
                                                  const BasicEdwardsAddend<Limb>& q) noexcept {
  const FieldElement<Limb> a = field_multiply(field_subtract(p.point.y, p.point.x), q.y_minus_x);
  const FieldElement<Limb> b = field_multiply(field_add(p.point.y, p.point.x), q.y_plus_x);
  const FieldElement<Limb> c = field_multiply(p.t, q.xy_2d);
  const FieldElement<Limb>& z = p.point.z;
  return edwards_complete(field_subtract(b, a), field_add_wide(field_subtract(z, c), z),
                          field_add_wide(field_add(z, z), c), field_add(b, a));
}

/// p + q for any two points.
template <class Limb>
static inline BasicEdwardsExtended<Limb> edwards_add(const BasicEdwardsExtended<Limb>& p,
                                                     const BasicEdwardsExtended<Limb>& q) noexcept {
  const FieldElement<Limb> a =
      field_multiply(field_subtract(p.point.y, p.point.x), field_subtract(q.point.y, q.point.x));
  const FieldElement<Limb> b =
      field_multiply(field_add(p.point.y, p.point.x), field_add(q.point.y, q.point.x));
  const FieldElement<Limb> c =
      field_multiply(p.t, field_multiply(q.t, field_constant<Limb>(kEdwards2D)));
  const FieldElement<Limb> z = field_multiply(p.point.z, q.point.z);
  const FieldElement<Limb> e = field_subtract(b, a);
  const FieldElement<Limb> h = field_add(b, a);
  return {edwards_complete(e, field_add_wide(field_subtract(z, c), z),
                           field_add_wide(field_add(z, z), c), h),
          field_multiply(e, h)};
}

/// Minus p.
template <class Limb>
static inline BasicEdwardsExtended<Limb> edwards_negate(
    const BasicEdwardsExtended<Limb>& p) noexcept {
  const FieldElement<Limb> one = field_small<Limb>(1);
  const FieldElement<Limb> zero = field_small<Limb>(0);
  // Times one: reduced again.
  return {{field_multiply(field_subtract(zero, p.point.x), one), p.point.y, p.point.z},
          field_multiply(field_subtract(zero, p.t), one)};
}

/// One of the two points whose Montgomery coordinate is u, and all ones; or 0 if there is none: u
/// is of the twist, or -1. Takes reduced.
///
/// y = (u - 1) / (u + 1), and x^2 = (y^2 - 1) / (d y^2 + 1) = n / m, both over (u + 1)^2. With
/// r = n m^3 (n m^7)^((p - 5) / 8), m r^2 is n, -n, or neither where there is no root (RFC 8032,
/// section 5.1.3). m is never 0: -1/d is no square.
static inline std::uint64_t edwards_from_montgomery(const Field25519& u,
                                                    EdwardsExtended& point) noexcept {
  const Field25519 one = field_small(1);
  const Field25519 y = field_multiply(field_subtract(u, one), one);
  const Field25519 z = field_multiply(field_add(u, one), one);
  const Field25519 yy = field_square(y);
  const Field25519 zz = field_square(z);
  const Field25519 n = field_multiply(field_subtract(yy, zz), one);
  const Field25519 m = field_multiply(field_add(field_multiply(yy, kEdwardsD), zz), one);
  const Field25519 m3 = field_multiply(field_square(m), m);
  const Field25519 nm7 = field_multiply(n, field_multiply(field_square(m3), m));
  // (p - 5) / 8 = (2^250 - 1) 2^2 + 1
  Field25519 power_11;
  const Field25519 power =
      field_multiply(field_square_times(field_power_common(nm7, power_11), 2), nm7);
  Field25519 root = field_multiply(field_multiply(n, m3), power);
  const Field25519 square = field_multiply(field_square(root), m);
  const std::uint64_t is_root = field_zero_mask(field_multiply(field_subtract(square, n), one));
  const std::uint64_t is_negated = field_zero_mask(field_multiply(field_add(square, n), one));
  Field25519 other = field_multiply(root, kSqrtMinusOne);
  field_swap(root, other, is_negated & ~is_root);
  point = {{field_multiply(root, z), y, z}, field_multiply(root, y)};
  return (is_root | is_negated) & ~field_zero_mask(z);
}

}  // namespace pssst::crypto
