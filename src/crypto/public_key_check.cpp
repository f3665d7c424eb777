#include "crypto/public_key_check.hpp"

#include "crypto/curve25519.hpp"

namespace pssst::crypto {
namespace {

/// The order of the prime-order subgroup, little-endian (RFC 7748, section 4.1), and its length.
constexpr Bytes32 kGroupOrder{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                              0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                              0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
constexpr std::size_t kGroupOrderBits = 253;

constexpr Bytes32 kBasePoint{9};

/// Whether u (u^2 + 486662 u + 1) is a square, so u the coordinate of a point of the curve.
bool is_on_curve(const Field25519& u) noexcept {
  const Field25519 one = field_small(1);
  const Field25519 inner = field_multiply(u, field_add(u, field_small(486662)));
  const Field25519 square = field_euler(field_multiply(u, field_add(inner, one)));
  // field_subtract's result is loose; a multiplication by one makes it reduced.
  return field_zero_mask(field_multiply_small(field_subtract(square, one), 1)) != 0;
}

/// Whether the group order times the point is the neutral element. u must not be 0.
bool has_prime_order(const Field25519& u) noexcept {
  ProjectivePoint low{field_small(1), field_small(0)};
  ProjectivePoint high{u, field_small(1)};
  for (std::size_t position = kGroupOrderBits; position-- > 0;) {
    const bool bit = (kGroupOrder[position / 8] >> (position % 8) & 1) != 0;
    if (bit) {
      ladder_step(u, high, low);
    } else {
      ladder_step(u, low, high);
    }
  }
  return field_zero_mask(low.z) != 0;
}

}  // namespace

PublicKeyFault check_public_key(const Bytes32& u) noexcept {
  if (!is_canonical(u)) return PublicKeyFault::kNotCanonical;
  if (is_small_order(u)) return PublicKeyFault::kSmallOrder;
  const Field25519 element = field_from_bytes(u.data());
  if (!is_on_curve(element)) return PublicKeyFault::kOnTwist;
  if (!has_prime_order(element)) return PublicKeyFault::kNotPrimeOrder;
  if (u == kBasePoint) return PublicKeyFault::kBasePoint;
  return PublicKeyFault::kNone;
}

}  // namespace pssst::crypto
