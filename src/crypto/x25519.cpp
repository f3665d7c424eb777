#include "crypto/x25519.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/secret_memory.hpp"
#include "crypto/x25519_affine.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

constexpr bool always_supported() noexcept {
  return true;
}

bool has_avx2_and_fma() noexcept {
  return base::cpu_features().avx2 && base::cpu_features().fma;
}

bool has_avx512ifma() noexcept {
  return base::cpu_features().avx512f && base::cpu_features().avx512dq &&
         base::cpu_features().avx512ifma;
}

bool has_bmi2() noexcept {
  return base::cpu_features().bmi2;
}

template <X25519Ladders& kLadders>
void run_ladders(const X25519Scalar* const* scalars, const Bytes32* points,
                 ProjectivePoint* results, std::size_t n) noexcept {
  PSSST_ASSERT(n <= kX25519LanesMax);
  std::array<const std::uint8_t*, kX25519LanesMax> clamped;
  for (std::size_t i = 0; i < n; ++i) {
    clamped[i] = scalars[i]->clamped().data();
    // The ladders take bit 254 for granted. A scalar made before a fork() is zero in the child,
    // whose shared secrets everybody could compute.
    PSSST_ASSERT((clamped[i][kX25519Size - 1] & 0xc0) == 0x40);
  }
  kLadders(clamped.data(), points->data(), results, n);
}

template <X25519Ladders& kLadders>
LaneMask multiply(const X25519Scalar* const* scalars, const Bytes32* points, Bytes32* out,
                  std::size_t n) noexcept {
  if (n == 0) return 0;
  std::array<ProjectivePoint, kX25519LanesMax> results;
  run_ladders<kLadders>(scalars, points, results.data(), n);
  return x25519_to_bytes(results.data(), out, n);
}

template <X25519Ladders& kLadders>
X25519CheckResult check(const X25519Scalar* const* scalars, const Bytes32* points,
                        const Bytes32* expected, std::size_t n) noexcept {
  if (n == 0) return {};
  std::array<ProjectivePoint, kX25519LanesMax> results;
  run_ladders<kLadders>(scalars, points, results.data(), n);
  return x25519_compare(results.data(), expected, n);
}

template <X25519Ladders& kLadders>
constexpr X25519Kernel make_kernel(std::string_view name, std::size_t vector_lanes,
                                   bool (*supported)() noexcept) noexcept {
  return {.name = name,
          .vector_lanes = vector_lanes,
          .burst_limit = std::min(8 * vector_lanes, kX25519LanesMax),
          .supported = supported,
          .multiply = multiply<kLadders>,
          .check = check<kLadders>};
}

// Best first.
constexpr std::array kKernels{
    make_kernel<x25519_ladders_avx512ifma>("avx512ifma", 8, has_avx512ifma),
    make_kernel<x25519_ladders_avx2>("avx2", 4, has_avx2_and_fma),
    make_kernel<x25519_ladders_avx2_readable>("avx2_readable", 4, has_avx2_and_fma),
    make_kernel<x25519_ladders_mulx>("mulx", 1, has_bmi2),
    make_kernel<x25519_ladders_portable>("portable", 1, always_supported),
    make_kernel<x25519_ladders_avx512ifma_model>("avx512ifma_model", 8, always_supported),
};

constexpr Bytes32 kBasePoint{9};

/// 2^255 - 19 less `offset`, little-endian; offset at most 0xed.
constexpr Bytes32 below_p(std::uint8_t offset) noexcept {
  Bytes32 bytes{};
  bytes.fill(0xff);
  bytes.front() = static_cast<std::uint8_t>(0xed - offset);
  bytes.back() = 0x7f;
  return bytes;
}

// Of order 2, 4, 4 (on the twist) and 8 twice.
constexpr std::array<Bytes32, 5> kSmallOrder{{
    {0},
    {1},
    below_p(1),
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
}};

}  // namespace

X25519Scalar::X25519Scalar(std::span<const std::uint8_t, kX25519Size> bytes) noexcept {
  assign(bytes);
}

X25519Scalar::~X25519Scalar() {
  base::wipe_object(clamped_);
}

void X25519Scalar::assign(std::span<const std::uint8_t, kX25519Size> bytes) noexcept {
  std::copy(bytes.begin(), bytes.end(), clamped_.begin());
  clamped_.front() &= 0xf8;
  clamped_.back() = static_cast<std::uint8_t>((clamped_.back() & 0x7f) | 0x40);
}

std::span<const X25519Kernel> x25519_kernels() noexcept {
  return kKernels;
}

const X25519Kernel* select_x25519_kernel(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kKernels.begin(), kKernels.end(), [name](const X25519Kernel& kernel) noexcept {
        return (name.empty() || kernel.name == name) && kernel.supported();
      });
  return found == kKernels.end() ? nullptr : found;
}

Bytes32 x25519_public(const X25519Scalar& scalar) noexcept {
  const X25519Scalar* const scalars[] = {&scalar};
  Bytes32 out;
  static_cast<void>(multiply<x25519_ladders_portable>(scalars, &kBasePoint, &out, 1));
  return out;
}

bool is_canonical(const Bytes32& u) noexcept {
  constexpr Bytes32 kP = below_p(0);
  return std::lexicographical_compare(u.rbegin(), u.rend(), kP.rbegin(), kP.rend());
}

bool is_small_order(const Bytes32& u) noexcept {
  return std::find(kSmallOrder.begin(), kSmallOrder.end(), u) != kSmallOrder.end();
}

}  // namespace pssst::crypto
