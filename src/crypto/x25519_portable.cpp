#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "crypto/curve25519.hpp"
#include "crypto/x25519_kernels.hpp"

namespace pssst::crypto {
namespace {

/// What is secret between the ladders and the results; one object, so that one wipe covers it.
struct Workspace {
  Field25519 x[kX25519LanesMax];
  Field25519 z[kX25519LanesMax];        ///< never zero: zeros are masked to 1
  Field25519 product[kX25519LanesMax];  ///< z[0] * ... * z[i]
  Field25519 inverse;
  Field25519 affine;
};

constexpr std::uint64_t scalar_bit(const Bytes32& scalar, int position) noexcept {
  return scalar[static_cast<std::size_t>(position) / 8] >> (position % 8) & 1u;
}

/// scalar * P. Of a clamped scalar bit 254 is set and bits 0 to 2 are clear: so the ladder begins
/// at (P, 2P) and ends with three doublings. Not inlined, like divide(): what they leave on the
/// stack lies where wipe_stack() reaches it.
[[gnu::noinline]] void ladder(const Bytes32& scalar, const Bytes32& point, Field25519& x,
                              Field25519& z) noexcept {
  const Field25519 u = field_from_bytes(point.data());
  // k P and (k + 1) P for the bits k read so far.
  ProjectivePoint low{u, field_small(1)};
  ProjectivePoint high = point_double(low);
  std::uint64_t swapped = 0;
  for (int position = 253; position >= 3; --position) {
    const std::uint64_t bit = scalar_bit(scalar, position);
    point_swap(low, high, 0 - (swapped ^ bit));
    swapped = bit;
    ladder_step(u, low, high);
  }
  point_swap(low, high, 0 - swapped);
  for (int i = 0; i < 3; ++i) low = point_double(low);
  x = low.x;
  z = low.z;
}

/// Replaces a zero by 1, so that a lane whose point has small order cannot zero the product that
/// all lanes share. Returns the mask of field_zero_mask().
std::uint64_t replace_zero_by_one(Field25519& z) noexcept {
  const std::uint64_t zero = field_zero_mask(z);
  for (std::uint64_t& limb : z.limb) limb &= ~zero;
  z.limb[0] |= zero & 1;
  return zero;
}

/// x[i] / z[i] for all lanes with one inversion (Montgomery's trick).
[[gnu::noinline]] LaneMask divide(Workspace& w, Bytes32* out, std::size_t n) noexcept {
  LaneMask zero_lanes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t zero = replace_zero_by_one(w.z[i]);
    for (std::uint64_t& limb : w.x[i].limb) limb &= ~zero;
    w.product[i] = i == 0 ? w.z[0] : field_multiply(w.product[i - 1], w.z[i]);
  }
  w.inverse = field_invert(w.product[n - 1]);
  for (std::size_t i = n; i-- > 0;) {
    w.affine = i == 0 ? w.inverse : field_multiply(w.inverse, w.product[i - 1]);
    w.inverse = field_multiply(w.inverse, w.z[i]);
    w.affine = field_multiply(w.affine, w.x[i]);
    zero_lanes |= (field_zero_mask(w.affine) & 1) << i;
    field_to_bytes(w.affine, out[i].data());
  }
  return zero_lanes;
}

}  // namespace

LaneMask x25519_multiply_portable(const X25519Scalar* const* scalars, const Bytes32* points,
                                  Bytes32* out, std::size_t n) noexcept {
  PSSST_ASSERT(n <= kX25519LanesMax);
  if (n == 0) return 0;
  Workspace w;
  for (std::size_t i = 0; i < n; ++i) {
    // The ladder takes bit 254 for granted. A scalar made before a fork() is zero in the child,
    // whose shared secrets everybody could compute.
    PSSST_ASSERT((scalars[i]->clamped().back() & 0xc0) == 0x40);
    ladder(scalars[i]->clamped(), points[i], w.x[i], w.z[i]);
  }
  const LaneMask zero_lanes = divide(w, out, n);
  base::wipe_object(w);
  base::wipe_stack();
  return zero_lanes;
}

}  // namespace pssst::crypto
