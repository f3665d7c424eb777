#include "crypto/x25519_avx512ifma_model.hpp"

#include "base/secret_memory.hpp"
#include "crypto/x25519_avx512ifma_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

void repeat(void (*round)(IfmaRegisters&, IfmaLanes*) noexcept, IfmaLanes* slots,
            std::uint64_t count) noexcept {
  IfmaRegisters registers{};
  for (; count > 0; --count) round(registers, slots);
  base::wipe_object(registers);
}

}  // namespace

void x25519_avx512ifma_model_ladder_steps(IfmaLanes* slots, std::uint64_t count) noexcept {
  repeat(x25519_avx512ifma_model_ladder_step, slots, count);
}

void x25519_avx512ifma_model_doublings(IfmaLanes* slots, std::uint64_t count) noexcept {
  repeat(x25519_avx512ifma_model_doubling, slots, count);
}

void x25519_ladders_avx512ifma_model(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                     ProjectivePoint* results, std::size_t n) noexcept {
  ifma_ladders(scalars, points, results, n, x25519_avx512ifma_model_ladder_steps,
               x25519_avx512ifma_model_doublings);
  base::wipe_stack();
}

}  // namespace pssst::crypto
