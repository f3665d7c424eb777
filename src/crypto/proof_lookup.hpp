/// An entry of a proof table in plain C++. `static inline`: a copy for each translation unit.
#pragma once

#include "crypto/proof_table.hpp"

namespace pssst::crypto {

struct ProofWords {
  std::uint32_t word[kProofCoordinates][kProofCoordinateWords];
};

/// Reads all of the table: constant time in `entry`.
static inline void proof_look_up(const ProofTable& table, std::uint32_t entry,
                                 ProofWords& words) noexcept {
  // Hidden from the compiler, which could otherwise read the chosen entry alone.
  __asm__("" : "+r"(entry));
  std::uint32_t chosen[kProofEntries];
  for (std::size_t i = 0; i < kProofEntries; ++i) {
    const std::uint32_t difference = static_cast<std::uint32_t>(i) ^ entry;
    chosen[i] = static_cast<std::uint32_t>((std::uint64_t{difference} - 1) >> 32);
  }
  for (int c = 0; c < kProofCoordinates; ++c) {
    for (int j = 0; j < kProofCoordinateWords; ++j) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < kProofEntries; ++i) sum |= table.word[c][j][i] & chosen[i];
      words.word[c][j] = sum;
    }
  }
}

}  // namespace pssst::crypto
