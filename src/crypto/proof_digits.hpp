/// A clamped scalar in the digits of proof_table.hpp. Everything is `static inline`: a copy for
/// each translation unit. Constant time.
#pragma once

#include "crypto/field25519.hpp"
#include "crypto/proof_table.hpp"

namespace pssst::crypto {

/// Lookups take columns in vectors of 8 or 16.
inline constexpr int kProofColumnsPadded = (kProofColumns + 15) / 16 * 16;

/// In the order in which they are used: the highest column first. Secret.
struct alignas(64) ProofDigits {
  std::uint32_t entry[kProofColumnsPadded];   ///< below kProofEntries
  std::uint32_t negate[kProofColumnsPadded];  ///< all ones or 0
};

/// k, or l - k if k is even, of the scalar 8 k; below 2^252.
static inline void proof_odd_scalar(const std::uint8_t* scalar, std::uint64_t (&odd)[4]) noexcept {
  // The group order, RFC 7748, section 4.1.
  constexpr std::uint64_t kOrder[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0,
                                       0x1000000000000000};
  std::uint64_t k[4];
  __builtin_memcpy(k, scalar, sizeof k);
  for (int i = 0; i < 4; ++i) k[i] = k[i] >> 3 | (i < 3 ? k[i + 1] << 61 : 0);
  std::uint64_t even = (k[0] & 1) - 1;
  // Hidden from the compiler, which could make a branch of two known masks.
  __asm__("" : "+r"(even));
  std::uint64_t borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const Uint128 difference = Uint128{kOrder[i]} - k[i] - borrow;
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
    odd[i] = k[i] ^ (even & (k[i] ^ static_cast<std::uint64_t>(difference)));
  }
}

/// The digits of an odd k below 2^n are 2 b_i - 1, b = (k + 2^n - 1) / 2: bit n-1 of b is set and
/// the others are those of k / 2.
static inline void proof_digits(const std::uint8_t* scalar, ProofDigits& digits) noexcept {
  constexpr int kDigits = kProofTeeth * kProofColumns;
  constexpr std::uint64_t kColumnMask = (std::uint64_t{1} << kProofColumns) - 1;
  std::uint64_t b[5] = {};
  std::uint64_t odd[4];
  proof_odd_scalar(scalar, odd);
  for (int i = 0; i < 4; ++i) b[i] = odd[i] >> 1 | (i < 3 ? odd[i + 1] << 63 : 0);
  b[(kDigits - 1) / 64] |= std::uint64_t{1} << (kDigits - 1) % 64;
  std::uint64_t tooth[kProofTeeth];
  for (int j = 0; j < kProofTeeth; ++j) {
    const int first = j * kProofColumns;
    const int shift = first % 64;
    const std::uint64_t above = shift == 0 ? 0 : b[first / 64 + 1] << (64 - shift) % 64;
    tooth[j] = (b[first / 64] >> shift | above) & kColumnMask;
  }
  const std::uint64_t top = tooth[kProofTeeth - 1];
  for (int c = 0; c < kProofColumnsPadded; ++c) {
    // The padding repeats the last column.
    const int column = c < kProofColumns ? kProofColumns - 1 - c : 0;
    std::uint64_t entry = 0;
    for (int j = 0; j < kProofTeeth - 1; ++j) {
      entry |= (~(tooth[j] ^ top) >> column & 1) << j;
    }
    digits.entry[c] = static_cast<std::uint32_t>(entry);
    digits.negate[c] = static_cast<std::uint32_t>((top >> column & 1) - 1);
  }
}

}  // namespace pssst::crypto
