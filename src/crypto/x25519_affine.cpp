#include "crypto/x25519_affine.hpp"

#include "base/secret_memory.hpp"
#include "crypto/vector_registers.hpp"
#include "crypto/x25519_affine_steps.hpp"

namespace pssst::crypto {
namespace {

/// What is secret between the ladders and the results; one object, so that one wipe covers it.
struct Workspace {
  Field25519 product[kX25519LanesMax];  ///< z[0] * ... * z[i]
  Field25519 inverse;
  Field25519 affine;
};

/// Not inlined, so that what it leaves on the stack lies where wipe_stack() reaches it.
[[gnu::noinline]] LaneMask divide(ProjectivePoint* results, Bytes32* out, std::size_t n,
                                  Workspace& w) noexcept {
  const auto before = [&w](std::size_t i) noexcept { return i == 0 ? nullptr : &w.product[i - 1]; };
  for (std::size_t i = 0; i < n; ++i) affine_gather(results[i], before(i), w.product[i]);
  w.inverse = field_invert(w.product[n - 1]);
  LaneMask zero_lanes = 0;
  for (std::size_t i = n; i-- > 0;) {
    affine_scatter(results[i], before(i), w.inverse, w.affine);
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
    const AffineComparison comparison = affine_compare(results[i], d, w.affine);
    result.zero |= (comparison.zero & 1) << i;
    result.equal |= (comparison.equal & static_cast<std::uint64_t>(is_canonical)) << i;
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
  wipe_vector_registers();
  return zero_lanes;
}

X25519CheckResult x25519_compare(ProjectivePoint* results, const Bytes32* expected,
                                 std::size_t n) noexcept {
  Workspace w;
  const X25519CheckResult result = compare(results, expected, n, w);
  base::wipe_object(w);
  base::wipe(results, n * sizeof *results);
  base::wipe_stack();
  wipe_vector_registers();
  return result;
}

}  // namespace pssst::crypto
