/// What is precomputed of a client's public key C, so that X25519(e, C) == dh is checked at a third
/// of a multiplication: a signed comb on the Edwards form.
///
/// e is a clamped scalar, so e = 8 k with 2^251 <= k < 2^252, and the table is over B = 8 C: the
/// small-order part that C may have is gone before anything else is done. An even k is replaced by
/// l - k, l being B's order; that gives -(k B), which has the same u. An odd k below 2^n has digits
/// s_i = 1 or -1 with k = sum s_i 2^i for i < n. Digit i belongs to tooth i / kProofColumns and to
/// column i mod kProofColumns; a column's digits choose one entry and its sign.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::crypto {

/// With 4, 5 and 6 teeth a client's table takes 768, 1,536 and 3,072 bytes, and a whole check in
/// bursts of 32 takes 0.44, 0.37 and 0.32 of a multiplication by the same kernel (avx2; avx512ifma
/// some hundredths more; AMD EPYC, family 25). Making a table of five takes as long as 13 checks by
/// the avx2 kernel. Each of the three works.
inline constexpr int kProofTeeth = 5;
inline constexpr int kProofColumns = (252 + kProofTeeth - 1) / kProofTeeth;
inline constexpr std::size_t kProofEntries = std::size_t{1} << (kProofTeeth - 1);
inline constexpr int kProofCoordinates = 3;  ///< y + x, y - x, 2 d x y
inline constexpr int kProofCoordinateWords = 8;

/// How a coordinate is spread over the words of a table.
enum class ProofForm : std::uint8_t {
  /// Five limbs of radix 2^51, each of them limb - 2^50 with 0 <= limb < 2^51: near zero, as
  /// products in double precision want them. The first five words hold the low 32 bits of the
  /// limbs, and the others the 19 bits above:
  ///     word 5   limb 0's, and above them bits 0 to 12 of limb 3's
  ///     word 6   limb 1's, and above them bits 13 to 18 of limb 3's, then bits 0 to 6 of limb 4's
  ///     word 7   limb 2's, and above them bits 7 to 18 of limb 4's
  kCentredLimbs,
  /// The canonical value, little-endian.
  kCanonical,
};

/// Entry i is 2^(w (t-1)) B plus or minus 2^(w j) B for each tooth j < t - 1, plus where bit j of i
/// is set; w columns, t teeth. Word by word, each word of all entries side by side, so that one
/// permutation looks up a word for many columns at once, in constant time.
struct alignas(64) ProofTable {
  std::uint32_t word[kProofCoordinates][kProofCoordinateWords][kProofEntries];
};
static_assert(sizeof(ProofTable) == 96 * kProofEntries);

/// Makes the table of a client key: 32 bytes as X25519 takes them, bit 255 ignored and taken modulo
/// p. False, and nothing of `table` is of use, where no point of the curve has this coordinate.
/// Variable time: client keys are public. Costs about a multiplication by the portable kernel.
/// Needs no enrolled key: the check is right for every table that can be made.
[[nodiscard]] bool make_proof_table(const std::uint8_t* client_key, ProofForm form,
                                    ProofTable& table) noexcept;

}  // namespace pssst::crypto
