#include "crypto/vector_registers.hpp"
#include "crypto/x25519_avx2_lanes.hpp"
#include "crypto/x25519_avx2_mulx_step.hpp"
#include "crypto/x25519_ladders.hpp"
#include "crypto/x25519_mulx_lane.hpp"

namespace pssst::crypto {
namespace {

constexpr std::size_t kLanes = kAvx2Lanes + 1;

// One loop runs both ladders.
static_assert(kAvx2ScalarWords == kMulxWords);
static_assert(kAvx2StepsInWord[0] == kMulxStepsInWord[0]);

/// All that is secret while five lanes are multiplied.
struct alignas(64) Workspace {
  Avx2MulxSlots slots;
  std::uint64_t vector_select[kAvx2ScalarWords][kAvx2Lanes];
  std::uint64_t scalar_select[kMulxWords];
};

void multiply_five(const std::uint8_t* const* scalars, const std::uint8_t* points,
                   ProjectivePoint* results, Workspace& w) noexcept {
  for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
    avx2_load_lane(scalars[lane], points + 32 * lane, w.slots.vector, w.vector_select, lane);
  }
  mulx_load_point(points + 32 * kAvx2Lanes, w.slots.scalar);
  mulx_load_select(scalars[kAvx2Lanes], w.scalar_select);

  x25519_avx2_mulx_doublings(&w.slots, 1);
  for (int word = kMulxWords - 1; word >= 0; --word) {
    __builtin_memcpy(w.slots.vector[kAvx2SlotSelect], w.vector_select[word],
                     sizeof w.vector_select[word]);
    w.slots.scalar[kMulxSlotSelect] = w.scalar_select[word];
    x25519_avx2_mulx_ladder_steps(&w.slots, kMulxStepsInWord[word]);
  }
  avx2_select_last(w.slots.vector);
  mulx_select_last(w.slots.scalar);
  x25519_avx2_mulx_doublings(&w.slots, 3);

  for (std::size_t lane = 0; lane < kAvx2Lanes; ++lane) {
    results[lane] = avx2_load_result(w.slots.vector, lane);
  }
  results[kAvx2Lanes] = mulx_load_result(w.slots.scalar);
}

/// How many lanes go where. Times of a ladder, Zen 4: four lanes 1, five 1.10, one by mulx 0.78;
/// Zen 5: the last is 0.53. So the fewest groups win, of four rather than five lanes, and a lane
/// left over from fives goes alone.
struct Plan {
  std::size_t by_five;  ///< a multiple of five
  std::size_t by_four;  ///< the last four may be fewer
  std::size_t alone;
};

Plan plan(std::size_t n) noexcept {
  const std::size_t alone = n % kLanes == 1 ? 1 : 0;
  const std::size_t grouped = n - alone;
  const std::size_t groups = (grouped + kLanes - 1) / kLanes;
  const std::size_t fives = grouped > kAvx2Lanes * groups ? grouped - kAvx2Lanes * groups : 0;
  return {kLanes * fives, grouped - kLanes * fives, alone};
}

}  // namespace

void x25519_ladders_avx2_mulx(const std::uint8_t* const* scalars, const std::uint8_t* points,
                              ProjectivePoint* results, std::size_t n) noexcept {
  const Plan lanes = plan(n);
  std::size_t first = 0;
  if (lanes.by_five > 0) {
    Workspace w;
    const std::uint32_t mode = avx2_round_to_nearest();
    for (; first < lanes.by_five; first += kLanes) {
      multiply_five(scalars + first, points + 32 * first, results + first, w);
    }
    __builtin_ia32_ldmxcsr(mode);
    __builtin_memset(&w, 0, sizeof w);
    __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
  }
  if (lanes.by_four > 0) {
    x25519_ladders_avx2(scalars + first, points + 32 * first, results + first, lanes.by_four);
    first += lanes.by_four;
  }
  if (lanes.alone > 0)
    x25519_ladders_mulx(scalars + first, points + 32 * first, results + first, 1);
  wipe_vector_registers();
}

}  // namespace pssst::crypto
