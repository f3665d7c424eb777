#include "crypto/x25519_avx512ifma_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {

void x25519_ladders_avx512ifma(const std::uint8_t* const* scalars, const std::uint8_t* points,
                               ProjectivePoint* results, std::size_t n) noexcept {
  ifma_ladders(scalars, points, results, n, x25519_avx512ifma_ladder_steps,
               x25519_avx512ifma_doublings);
}

}  // namespace pssst::crypto
