#include "crypto/public_key_check.hpp"

#include "crypto/curve25519.hpp"
#include "crypto/edwards25519.hpp"

namespace pssst::crypto {
namespace {

// Whether a point has prime order: the group is cyclic of order 8 l, so its points of order l, and
// the neutral one, are those that can be halved three times. Below, P = (u, v), A = 486662 and
// g(u) = u^2 + A u + 1, so that v^2 = u g(u). chi is Euler's criterion; chi(-1) = 1, chi(2) = -1,
// and chi(A - 2) = -1 while A + 2 is a square.
//
// 1. P is 2 Q exactly if u is a square: u modulo squares is a homomorphism from the group, onto
//    {1, -1} because the group is cyclic and has points where u is none, and its kernel is the only
//    subgroup of index 2. Then g(u) is a square as well, and s its root.
//
// 2. With w = u(Q) + 1/u(Q) the formula for doubling is u = (w^2 - 4) / (4 (w + A)), so
//    w = 2 h where h = u + s or h = u - s, and u(Q) = h + r where r^2 = h^2 - 1. The product of
//    both h^2 - 1 is (A^2 - 4) u^2, no square: so for just one h there is an r. (Its other sign
//    gives 1/u(Q), which is Q plus the point of order 2 and can be halved as often as Q.)
//
// 3. Q is again a double exactly if chi(u + s - 1) = -1. For 2 u(Q) = (a + b)^2 where
//    a^2 = h + 1 and b^2 = h - 1: so chi(u(Q)) = -chi(h + 1) = -chi(h - 1), both roots being of one
//    field. That is the claim if h = u + s. Of the two h, the product of both h - 1 is -(A + 2) u,
//    a square: so it holds if h = u - s, too.

constexpr Bytes32 kBasePoint{9};

Field25519 reduced(const Field25519& loose) noexcept {
  return field_multiply(loose, field_small(1));
}

bool is_zero(const Field25519& loose) noexcept {
  return field_zero_mask(reduced(loose)) != 0;
}

bool is_square(const Field25519& element) noexcept {
  return is_zero(field_subtract(field_euler(element), field_small(1)));
}

/// One of the roots of a reduced element, if it has any: element^((p + 3) / 8) or sqrt(-1) times
/// that (RFC 8032, section 5.1.3). (p + 3) / 8 = (2^250 - 1) 2^2 + 2.
bool square_root(const Field25519& element, Field25519& root) noexcept {
  Field25519 power_11;
  const Field25519 power = field_square_times(field_power_common(element, power_11), 2);
  root = field_multiply(power, field_square(element));
  const Field25519 square = field_square(root);
  if (is_zero(field_subtract(square, element))) return true;
  root = field_multiply(root, kSqrtMinusOne);
  return is_zero(field_add(square, element));
}

/// u^2 + A u + 1
Field25519 curve_factor(const Field25519& u) noexcept {
  const Field25519 product = field_multiply(u, field_add(u, field_small(486662)));
  return reduced(field_add(product, field_small(1)));
}

/// Whether a point that is a double is the double of a double.
bool is_quadruple(const Field25519& u, const Field25519& s) noexcept {
  return !is_square(field_subtract(reduced(field_add(u, s)), field_small(1)));
}

/// u of the half of a double.
Field25519 halve(const Field25519& u, const Field25519& s) noexcept {
  Field25519 h = reduced(field_add(u, s));
  Field25519 r;
  for (int sign = 0; sign < 2; ++sign) {
    if (square_root(reduced(field_subtract(field_square(h), field_small(1))), r)) break;
    h = reduced(field_subtract(u, s));
  }
  return reduced(field_add(h, r));
}

/// Whether a double, of the curve, can be halved thrice.
bool is_eightfold(const Field25519& u, const Field25519& s) noexcept {
  if (!is_quadruple(u, s)) return false;
  const Field25519 half = halve(u, s);
  Field25519 half_s;
  return square_root(curve_factor(half), half_s) && is_quadruple(half, half_s);
}

}  // namespace

PublicKeyFault check_public_key(const Bytes32& u) noexcept {
  if (!is_canonical(u)) return PublicKeyFault::kNotCanonical;
  if (is_small_order(u)) return PublicKeyFault::kSmallOrder;
  const Field25519 element = field_from_bytes(u.data());
  Field25519 s;
  const bool is_double = is_square(element);
  const bool has_root = square_root(curve_factor(element), s);
  if (is_double != has_root) return PublicKeyFault::kOnTwist;
  if (!is_double || !is_eightfold(element, s)) return PublicKeyFault::kNotPrimeOrder;
  if (u == kBasePoint) return PublicKeyFault::kBasePoint;
  return PublicKeyFault::kNone;
}

}  // namespace pssst::crypto
