#include "crypto/proof_comb_avx512ifma_model.hpp"

#include "base/secret_memory.hpp"
#include "crypto/proof_comb_avx512ifma_lanes.hpp"
#include "crypto/proof_combs.hpp"
#include "crypto/proof_lookup.hpp"

namespace pssst::crypto {
namespace {

void model_columns(IfmaLanes* slots, std::uint64_t count, const IfmaLanes* entries) noexcept {
  IfmaRegisters registers{};
  for (std::uint64_t i = 0; i < count; ++i) {
    proof_comb_avx512ifma_model_column(registers, slots, entries + i * kProofIfmaEntryVectors);
  }
  base::wipe_object(registers);
}

void store_coordinate(const std::uint32_t (&word)[kProofCoordinateWords], IfmaLanes* limbs,
                      std::size_t lane) noexcept {
  std::uint8_t bytes[32];
  __builtin_memcpy(bytes, word, sizeof bytes);
  ifma_store(ifma_from_bytes(bytes), limbs, lane);
}

/// Not inlined: what it leaves on the stack lies where wipe_stack() reaches it.
[[gnu::noinline]] void look_up_group(const ProofTable* const (&tables)[kIfmaLanes], int first,
                                     ProofIfmaWorkspace& w) noexcept {
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
    for (int k = 0; k < kProofIfmaGroup; ++k) {
      ProofWords words;
      proof_look_up(*tables[lane], w.digits[lane].entry[first + k], words);
      w.entries[k][0][lane] = 0 - std::uint64_t{w.digits[lane].negate[first + k] & 1};
      for (std::size_t c = 0; c < kProofCoordinates; ++c) {
        store_coordinate(words.word[c], w.entries[k] + 1 + 5 * c, lane);
      }
    }
  }
}

}  // namespace

void proof_combs_avx512ifma_model(const std::uint8_t* const* scalars,
                                  const ProofTable* const* tables, ProjectivePoint* results,
                                  std::size_t n) noexcept {
  proof_ifma_combs(scalars, tables, results, n, look_up_group, model_columns);
  base::wipe_stack();
  __asm__ volatile("");  // no tail call: it wipes below this frame
}

}  // namespace pssst::crypto
