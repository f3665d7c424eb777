#include "crypto/vector_registers.hpp"
#include "crypto/x25519_ladders.hpp"
#include "crypto/x25519_mulx_lane.hpp"

namespace pssst::crypto {
namespace {

/// All that is secret while a lane is multiplied.
struct alignas(64) Workspace {
  std::uint64_t slots[kMulxSlots];
  std::uint64_t select[kMulxWords];
};

void ladder(Workspace& w) noexcept {
  x25519_mulx_doublings(w.slots, 1);
  for (int i = kMulxWords - 1; i >= 0; --i) {
    w.slots[kMulxSlotSelect] = w.select[i];
    x25519_mulx_ladder_steps(w.slots, kMulxStepsInWord[i]);
  }
  mulx_select_last(w.slots);
  x25519_mulx_doublings(w.slots, 3);
}

}  // namespace

void x25519_ladders_mulx(const std::uint8_t* const* scalars, const std::uint8_t* points,
                         ProjectivePoint* results, std::size_t n) noexcept {
  Workspace w;
  for (std::size_t i = 0; i < n; ++i) {
    mulx_load_point(points + 32 * i, w.slots);
    mulx_load_select(scalars[i], w.select);
    ladder(w);
    results[i] = mulx_load_result(w.slots);
  }
  __builtin_memset(&w, 0, sizeof w);
  __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
  wipe_vector_registers();
}

}  // namespace pssst::crypto
