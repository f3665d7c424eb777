#include "crypto/x25519_avx512ifma_model.hpp"

#include "base/secret_memory.hpp"
#include "crypto/x25519_avx512ifma_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

void repeat(void (*round)(IfmaRegisters&, IfmaLanes*) noexcept, IfmaLanes* first,
            std::uint64_t count, IfmaLanes* second) noexcept {
  IfmaRegisters registers{};
  for (std::uint64_t i = 0; i < count; ++i) round(registers, i % 2 == 0 ? first : second);
  base::wipe_object(registers);
}

}  // namespace

void x25519_avx512ifma_model_ladder_steps(IfmaLanes* first, std::uint64_t count,
                                          IfmaLanes* second) noexcept {
  repeat(x25519_avx512ifma_model_ladder_step, first, count, second);
}

void x25519_avx512ifma_model_doublings(IfmaLanes* first, std::uint64_t count,
                                       IfmaLanes* second) noexcept {
  repeat(x25519_avx512ifma_model_doubling, first, count, second);
}

void x25519_ladders_avx512ifma_model(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                     ProjectivePoint* results, std::size_t n) noexcept {
  ifma_ladders(scalars, points, results, n, x25519_avx512ifma_model_ladder_steps,
               x25519_avx512ifma_model_doublings);
}

}  // namespace pssst::crypto
