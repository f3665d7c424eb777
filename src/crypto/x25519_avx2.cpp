#include "crypto/vector_registers.hpp"
#include "crypto/x25519_avx2_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

void multiply_four(Avx2Workspace& w) noexcept {
  x25519_avx2_doublings(w.slots, 1);
  for (int word = kAvx2ScalarWords - 1; word >= 0; --word) {
    __builtin_memcpy(w.slots[kAvx2SlotSelect], w.select[word], sizeof w.select[word]);
    x25519_avx2_ladder_steps(w.slots, kAvx2StepsInWord[word]);
  }
  avx2_select_last(w.slots);
  x25519_avx2_doublings(w.slots, 3);
}

}  // namespace

void x25519_ladders_avx2(const std::uint8_t* const* scalars, const std::uint8_t* points,
                         ProjectivePoint* results, std::size_t n) noexcept {
  avx2_ladders(scalars, points, results, n, multiply_four);
  wipe_vector_registers();
}

}  // namespace pssst::crypto
