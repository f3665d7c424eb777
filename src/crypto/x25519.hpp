/// Batched X25519 (RFC 7748, section 5): one contract, one kernel per instruction set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/x25519_plan.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kX25519Size = 32;

using Bytes32 = std::array<std::uint8_t, kX25519Size>;
/// Bit i stands for lane i.
using LaneMask = std::uint64_t;

/// A clamped scalar as the kernels want it. Secret; wiped on destruction.
class X25519Scalar {
 public:
  X25519Scalar() noexcept = default;  ///< the clamped zero scalar
  /// Clamps a copy.
  explicit X25519Scalar(std::span<const std::uint8_t, kX25519Size> bytes) noexcept;
  X25519Scalar(const X25519Scalar&) = delete;
  X25519Scalar& operator=(const X25519Scalar&) = delete;
  ~X25519Scalar();

  /// Replaces the scalar by a clamped copy of `bytes`.
  void assign(std::span<const std::uint8_t, kX25519Size> bytes) noexcept;
  [[nodiscard]] const Bytes32& clamped() const noexcept { return clamped_; }

 private:
  Bytes32 clamped_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64};
};

struct X25519CheckResult {
  LaneMask equal = 0;  ///< lanes with X25519(scalars[i], points[i]) == expected[i], not zero
  LaneMask zero = 0;   ///< lanes whose result is zero
};

/// Multiplies bursts. Every kernel gives the same bytes for the same input. Constant time in
/// scalars and points; the lane count, 0 to kX25519LanesMax, is public, and more lanes abort. No
/// kernel keeps state, allocates or throws.
struct X25519Kernel {
  std::string_view name;
  std::size_t vector_lanes;  ///< 1 for scalar kernels
  std::size_t burst_limit;   ///< eight vectors, at most kX25519LanesMax: what a burst is best at
  bool (*supported)() noexcept;
  X25519Plan plan;  ///< who multiplies: one instruction set's ladders, or several that share

  /// out[i] = X25519(scalars[i], points[i]) for i < n, bit-exact with RFC 7748 for every 32-byte
  /// point: bit 255 ignored, non-canonical values reduced. Returns the lanes whose result is zero;
  /// their out is zero and other lanes are not touched by it. `out` may be `points`.
  LaneMask multiply(const X25519Scalar* const* scalars, const Bytes32* points, Bytes32* out,
                    std::size_t n) const noexcept;
  /// Which lanes multiply to `expected`, without an inversion; constant time in that as well. Only
  /// a canonical `expected` is equal to anything.
  X25519CheckResult check(const X25519Scalar* const* scalars, const Bytes32* points,
                          const Bytes32* expected, std::size_t n) const noexcept;
};

/// All that were built, one instruction set each; whether this CPU runs them is another question.
[[nodiscard]] std::span<const X25519Kernel> x25519_kernels() noexcept;
/// The named kernel, or null if there is no such kernel or this CPU does not run it. Empty and
/// "auto" name what serves this CPU best: for each number of live lanes the cheapest combination of
/// its kernels, whose name says which, as in "avx2+mulx". The same object for every caller.
[[nodiscard]] const X25519Kernel* select_x25519_kernel(std::string_view name) noexcept;

/// X25519(scalar, 9) by the portable kernel.
[[nodiscard]] Bytes32 x25519_public(const X25519Scalar& scalar) noexcept;

/// Bit 255 clear and below 2^255-19. Variable time: for public values.
[[nodiscard]] bool is_canonical(const Bytes32& u) noexcept;
/// One of the five canonical values of small order: 0, 1, the two of order 8, and p-1, which is of
/// order 4 on the twist. Variable time: for public values.
[[nodiscard]] bool is_small_order(const Bytes32& u) noexcept;

}  // namespace pssst::crypto
