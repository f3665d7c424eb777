/// Eight lanes in and out of the AVX-512 IFMA comb: what the instructions and their model share.
/// Everything is `static inline`, and no function of a library is called but memcpy() and memset().
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/proof_comb_avx512ifma_step.hpp"
#include "crypto/proof_digits.hpp"
#include "crypto/x25519_avx512ifma_lanes.hpp"

namespace pssst::crypto {

inline constexpr int kProofIfmaGroup = 16;  ///< columns that are looked up at once

/// All that is secret while eight lanes are computed.
struct alignas(64) ProofIfmaWorkspace {
  std::uint64_t slots[kIfmaSlots][kIfmaLanes];
  std::uint64_t entries[kProofIfmaGroup][kProofIfmaEntryVectors][kIfmaLanes];
  ProofDigits digits[kIfmaLanes];
};

/// Not inlined, as the next one: what they leave on the stack lies where the kernel's wipe reaches
/// it.
[[gnu::noinline]] static void proof_ifma_load_lane(const std::uint8_t* scalar,
                                                   ProofIfmaWorkspace& w,
                                                   std::size_t lane) noexcept {
  proof_digits(scalar, w.digits[lane]);
  // (0 : 1 : 1)
  for (std::size_t i = 0; i < 15; ++i) w.slots[i][lane] = 0;
  w.slots[kProofIfmaSlotY][lane] = 1;
  w.slots[kProofIfmaSlotZ][lane] = 1;
}

[[gnu::noinline]] static void proof_ifma_store_result(const ProofIfmaWorkspace& w, std::size_t lane,
                                                      ProjectivePoint& result) noexcept {
  const auto* y = w.slots + kProofIfmaSlotY;
  const auto* z = w.slots + kProofIfmaSlotZ;
  result = {ifma_load_sum(z, y, 1, lane), ifma_load_sum(z, y, -1, lane)};
}

/// The combs of `n` lanes, eight at a time. `look_up_group`(tables, first, workspace) makes the
/// entries of the columns from `first` on; `columns` is like proof_comb_avx512ifma_columns().
/// Inlined: what it calls leaves its secrets right below the caller's frame, where the caller
/// wipes.
template <class LookUpGroup, class Columns>
[[gnu::always_inline]] static inline void proof_ifma_combs(const std::uint8_t* const* scalars,
                                                           const ProofTable* const* tables,
                                                           ProjectivePoint* results, std::size_t n,
                                                           LookUpGroup look_up_group,
                                                           Columns columns) noexcept {
  ProofIfmaWorkspace w;
  for (std::size_t first = 0; first < n; first += kIfmaLanes) {
    const ProofTable* eight[kIfmaLanes];
    for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
      // The last vector's empty lanes repeat its last lane.
      const std::size_t i = first + lane < n ? first + lane : n - 1;
      eight[lane] = tables[i];
      proof_ifma_load_lane(scalars[i], w, lane);
    }
    for (int column = 0; column < kProofColumns; column += kProofIfmaGroup) {
      look_up_group(eight, column, w);
      const int left = kProofColumns - column;
      columns(w.slots, static_cast<std::uint64_t>(left < kProofIfmaGroup ? left : kProofIfmaGroup),
              w.entries[0]);
    }
    for (std::size_t lane = 0; lane < kIfmaLanes && first + lane < n; ++lane) {
      proof_ifma_store_result(w, lane, results[first + lane]);
    }
  }
  __builtin_memset(&w, 0, sizeof w);
  __asm__ volatile("" : : "r"(&w) : "memory");  // keeps the wipe
}

}  // namespace pssst::crypto
