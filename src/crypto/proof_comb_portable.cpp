#include "base/secret_memory.hpp"
#include "crypto/edwards25519.hpp"
#include "crypto/proof_combs.hpp"
#include "crypto/proof_digits.hpp"
#include "crypto/proof_lookup.hpp"
#include "crypto/vector_registers.hpp"

namespace pssst::crypto {
namespace {

/// limb - 2^50 of each limb, plus p: limbs below 2^51 + 2^50, loose.
Field25519 load_coordinate(const std::uint32_t (&word)[kProofCoordinateWords]) noexcept {
  constexpr std::uint32_t kMask = (1u << 19) - 1;
  constexpr std::uint64_t kOffset = std::uint64_t{1} << 50;
  const std::uint64_t high[5] = {word[5] & kMask, word[6] & kMask, word[7] & kMask,
                                 word[5] >> 19 | (word[6] >> 19 & 0x3f) << 13,
                                 word[6] >> 25 | word[7] >> 19 << 7};
  Field25519 r;
  for (int i = 0; i < 5; ++i) r.limb[i] = (word[i] | high[i] << 32) + kOffset - (i == 0 ? 19 : 1);
  return r;
}

EdwardsAddend look_up(const ProofTable& table, std::uint32_t entry, std::uint32_t negate) noexcept {
  ProofWords words;
  proof_look_up(table, entry, words);
  EdwardsAddend q{load_coordinate(words.word[0]), load_coordinate(words.word[1]),
                  load_coordinate(words.word[2])};
  const std::uint64_t mask = 0 - std::uint64_t{negate & 1};
  field_swap(q.y_plus_x, q.y_minus_x, mask);
  // 2p is larger than what load_coordinate() gives, limb by limb.
  Field25519 negated = field_subtract(field_small(0), q.xy_2d);
  field_swap(q.xy_2d, negated, mask);
  return q;
}

/// Not inlined: what it leaves on the stack lies where wipe_stack() reaches it.
[[gnu::noinline]] void comb(const std::uint8_t* scalar, const ProofTable& table,
                            ProjectivePoint& result) noexcept {
  ProofDigits digits;
  proof_digits(scalar, digits);
  EdwardsPoint sum = kEdwardsNeutral;
  for (int c = 0; c < kProofColumns; ++c) {
    const EdwardsAddend addend = look_up(table, digits.entry[c], digits.negate[c]);
    sum = edwards_add(edwards_double(sum), addend);
  }
  result = {field_add(sum.z, sum.y), field_subtract(sum.z, sum.y)};
}

}  // namespace

void proof_combs_portable(const std::uint8_t* const* scalars, const ProofTable* const* tables,
                          ProjectivePoint* results, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) comb(scalars[i], *tables[i], results[i]);
  base::wipe_stack();
  wipe_vector_registers();
}

}  // namespace pssst::crypto
