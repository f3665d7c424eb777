#include "base/secret_memory.hpp"
#include "crypto/vector_registers.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

constexpr std::uint64_t scalar_bit(const std::uint8_t* scalar, int position) noexcept {
  return scalar[position / 8] >> (position % 8) & 1u;
}

/// scalar * P. Of a clamped scalar bit 254 is set and bits 0 to 2 are clear: so the ladder begins
/// at (P, 2P) and ends with three doublings. Not inlined: what it leaves on the stack lies where
/// wipe_stack() reaches it.
[[gnu::noinline]] void ladder(const std::uint8_t* scalar, const std::uint8_t* point,
                              ProjectivePoint& result) noexcept {
  const Field25519 u = field_from_bytes(point);
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
  result = low;
}

}  // namespace

void x25519_ladders_portable(const std::uint8_t* const* scalars, const std::uint8_t* points,
                             ProjectivePoint* results, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) ladder(scalars[i], points + 32 * i, results[i]);
  base::wipe_stack();
  wipe_vector_registers();
}

}  // namespace pssst::crypto
