#include "crypto/x25519_avx512ifma_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {

// TSC cycles a lane (2.6 GHz) of whole multiplications on an "AMD EPYC" (family 25, model 17:
// Zen 4), best windows of bursts of 8, 16, 32 and 64: 12,900, 11,700, 11,500 and 11,300, which is
// 7.1, 7.9, 8.0 and 8.1 times OpenSSL 3.0's EVP (92,000; new peer key each time, one context).
void x25519_ladders_avx512ifma(const std::uint8_t* const* scalars, const std::uint8_t* points,
                               ProjectivePoint* results, std::size_t n) noexcept {
  ifma_ladders(scalars, points, results, n, x25519_avx512ifma_ladder_steps,
               x25519_avx512ifma_doublings);
}

}  // namespace pssst::crypto
