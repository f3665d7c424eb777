/// What x25519_affine.cpp computes lane by lane. Like field25519.hpp: `static inline` templates
/// over the limb's type, so that the proof of the ranges runs this very code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/curve25519.hpp"

namespace pssst::crypto {

/// field_zero_mask() of a loose element, which becomes reduced.
template <class Limb>
static inline std::uint64_t affine_reduce_and_test(FieldElement<Limb>& a) noexcept {
  a = field_reduce(a);
  return field_zero_mask(a);
}

/// Makes `point`, loose, ready for the shared inversion: z reduced and not 0, and x / z still its
/// value, or 0 where z was 0. `product` becomes that of all z up to this one; `before` is that up
/// to the one before, null for the first lane. Reduced.
template <class Limb>
static inline void affine_gather(BasicProjectivePoint<Limb>& point,
                                 const FieldElement<Limb>* before,
                                 FieldElement<Limb>& product) noexcept {
  const std::uint64_t zero = affine_reduce_and_test(point.z);
  field_clear_where(point.x, zero);
  field_one_where(point.z, zero);
  product = before == nullptr ? point.z : field_multiply(*before, point.z);
}

/// The way back: `inverse`, that of the product of all z up to this one, becomes that of the
/// product `before`, and `affine` x / z. Reduced.
template <class Limb>
static inline void affine_scatter(const BasicProjectivePoint<Limb>& point,
                                  const FieldElement<Limb>* before, FieldElement<Limb>& inverse,
                                  FieldElement<Limb>& affine) noexcept {
  affine = before == nullptr ? inverse : field_multiply(inverse, *before);
  inverse = field_multiply(inverse, point.z);
  affine = field_multiply(affine, point.x);
}

struct AffineComparison {
  std::uint64_t equal;  ///< all ones or 0
  std::uint64_t zero;
};

/// Whether X == D * Z for a loose point and a reduced d, and whether the point has a coordinate 0,
/// when it is not equal to anything. `difference` is scratch that the caller wipes.
template <class Limb>
static inline AffineComparison affine_compare(BasicProjectivePoint<Limb>& point,
                                              const FieldElement<Limb>& d,
                                              FieldElement<Limb>& difference) noexcept {
  const std::uint64_t x_zero = affine_reduce_and_test(point.x);
  const std::uint64_t z_zero = affine_reduce_and_test(point.z);
  difference = field_subtract(point.x, field_multiply(d, point.z));
  const std::uint64_t equal = affine_reduce_and_test(difference);
  return {.equal = equal & ~(x_zero | z_zero), .zero = x_zero | z_zero};
}

}  // namespace pssst::crypto
