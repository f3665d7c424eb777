#include "crypto/x25519_affine.hpp"

#include "base/secret_memory.hpp"

namespace pssst::crypto {
namespace {

/// What is secret between the ladders and the results; one object, so that one wipe covers it.
struct Workspace {
  Field25519 product[kX25519LanesMax];  ///< z[0] * ... * z[i]
  Field25519 inverse;
  Field25519 affine;
};

void clear_where(Field25519& a, std::uint64_t mask) noexcept {
  for (std::uint64_t& limb : a.limb) limb &= ~mask;
}

/// The mask of field_zero_mask() of a loose element, which becomes reduced.
std::uint64_t reduce_and_test(Field25519& a) noexcept {
  a = field_multiply(a, field_small(1));
  return field_zero_mask(a);
}

/// Not inlined, so that what it leaves on the stack lies where wipe_stack() reaches it.
[[gnu::noinline]] LaneMask divide(ProjectivePoint* results, Bytes32* out, std::size_t n,
                                  Workspace& w) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    Field25519& z = results[i].z;
    const std::uint64_t zero = reduce_and_test(z);
    clear_where(results[i].x, zero);
    clear_where(z, zero);
    z.limb[0] |= zero & 1;
    w.product[i] = i == 0 ? z : field_multiply(w.product[i - 1], z);
  }
  LaneMask zero_lanes = 0;
  w.inverse = field_invert(w.product[n - 1]);
  for (std::size_t i = n; i-- > 0;) {
    w.affine = i == 0 ? w.inverse : field_multiply(w.inverse, w.product[i - 1]);
    w.inverse = field_multiply(w.inverse, results[i].z);
    w.affine = field_multiply(w.affine, results[i].x);
    zero_lanes |= (field_zero_mask(w.affine) & 1) << i;
    field_to_bytes(w.affine, out[i].data());
  }
  return zero_lanes;
}

[[gnu::noinline]] X25519CheckResult compare(ProjectivePoint* results, const Bytes32* expected,
                                            std::size_t n, Workspace& w) noexcept {
  X25519CheckResult result;
  for (std::size_t i = 0; i < n; ++i) {
    const Field25519 d = field_from_bytes(expected[i].data());
    Bytes32 canonical;
    field_to_bytes(d, canonical.data());
    const bool is_canonical =
        base::equal_constant_time(canonical.data(), expected[i].data(), kX25519Size);

    const std::uint64_t zero = reduce_and_test(results[i].x) | reduce_and_test(results[i].z);
    w.affine = field_subtract(results[i].x, field_multiply(d, results[i].z));
    const std::uint64_t equal = reduce_and_test(w.affine) & ~zero;
    result.zero |= (zero & 1) << i;
    result.equal |= (equal & static_cast<std::uint64_t>(is_canonical)) << i;
  }
  return result;
}

}  // namespace

LaneMask x25519_to_bytes(ProjectivePoint* results, Bytes32* out, std::size_t n) noexcept {
  Workspace w;
  const LaneMask zero_lanes = divide(results, out, n, w);
  base::wipe_object(w);
  base::wipe(results, n * sizeof *results);
  base::wipe_stack();
  return zero_lanes;
}

X25519CheckResult x25519_compare(ProjectivePoint* results, const Bytes32* expected,
                                 std::size_t n) noexcept {
  Workspace w;
  const X25519CheckResult result = compare(results, expected, n, w);
  base::wipe_object(w);
  base::wipe(results, n * sizeof *results);
  base::wipe_stack();
  return result;
}

}  // namespace pssst::crypto
