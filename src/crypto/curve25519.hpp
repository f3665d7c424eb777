/// x-only arithmetic on Curve25519, v^2 = u^3 + 486662 u^2 + u, and on its twist (RFC 7748, 4.1).
/// Like field25519.hpp: constant time, `static inline`, a copy for each translation unit.
#pragma once

#include "crypto/field25519.hpp"

namespace pssst::crypto {

/// u = x / z; the neutral element has z = 0. Reduced.
template <class Limb>
struct BasicProjectivePoint {
  FieldElement<Limb> x;
  FieldElement<Limb> z;
};
using ProjectivePoint = BasicProjectivePoint<std::uint64_t>;

/// (486662 - 2) / 4
inline constexpr std::uint32_t kA24 = 121665;

/// 2 * P. The sum AA + a24 E is of two reduced elements.
template <class Limb>
static inline BasicProjectivePoint<Limb> point_double(
    const BasicProjectivePoint<Limb>& p) noexcept {
  const FieldElement<Limb> aa = field_square(field_add(p.x, p.z));
  const FieldElement<Limb> bb = field_square(field_subtract(p.x, p.z));
  const FieldElement<Limb> e = field_subtract(aa, bb);
  return {field_multiply(aa, bb), field_multiply(e, field_add(aa, field_multiply_small(e, kA24)))};
}

/// p = 2 p, q = p + q, where q - p or p - q has the u-coordinate u1 (RFC 7748, section 5). u1 is
/// loose.
template <class Limb>
static inline void ladder_step(const FieldElement<Limb>& u1, BasicProjectivePoint<Limb>& p,
                               BasicProjectivePoint<Limb>& q) noexcept {
  const FieldElement<Limb> a = field_add(p.x, p.z);
  const FieldElement<Limb> b = field_subtract(p.x, p.z);
  const FieldElement<Limb> da = field_multiply(field_subtract(q.x, q.z), a);
  const FieldElement<Limb> cb = field_multiply(field_add(q.x, q.z), b);
  q.x = field_square(field_add(da, cb));
  q.z = field_multiply(u1, field_square(field_subtract(da, cb)));
  const FieldElement<Limb> aa = field_square(a);
  const FieldElement<Limb> bb = field_square(b);
  const FieldElement<Limb> e = field_subtract(aa, bb);
  p.x = field_multiply(aa, bb);
  p.z = field_multiply(e, field_add(aa, field_multiply_small(e, kA24)));
}

static inline void point_swap(ProjectivePoint& p, ProjectivePoint& q, std::uint64_t mask) noexcept {
  field_swap(p.x, q.x, mask);
  field_swap(p.z, q.z, mask);
}

}  // namespace pssst::crypto
