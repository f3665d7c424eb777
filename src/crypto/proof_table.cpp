#include "crypto/proof_table.hpp"

#include "base/secret_memory.hpp"
#include "crypto/edwards25519.hpp"

namespace pssst::crypto {
namespace {

/// sum 2^50 * 2^(51 i): what centred limbs are off by.
constexpr Field25519 kLimbBias{{std::uint64_t{1} << 50, std::uint64_t{1} << 50,
                                std::uint64_t{1} << 50, std::uint64_t{1} << 50,
                                std::uint64_t{1} << 50}};

struct Workspace {
  EdwardsExtended entry[kProofEntries];
  EdwardsExtended twice[kProofTeeth];  ///< 2 * 2^(w j) B
  Field25519 product[kProofEntries];   ///< z of the entries 0 to i
};

using Words = std::uint32_t[kProofCoordinateWords];

void centred_limbs(const Field25519& value, Words& word) noexcept {
  const Field25519 one = field_small(1);
  std::uint8_t bytes[32];
  field_to_bytes(field_multiply(field_add(value, kLimbBias), one), bytes);
  const Field25519 biased = field_from_bytes(bytes);
  std::uint32_t high[5];
  for (int i = 0; i < 5; ++i) {
    word[i] = static_cast<std::uint32_t>(biased.limb[i]);
    high[i] = static_cast<std::uint32_t>(biased.limb[i] >> 32);
  }
  word[5] = high[0] | high[3] << 19;
  word[6] = high[1] | high[3] >> 13 << 19 | high[4] << 25;
  word[7] = high[2] | high[4] >> 7 << 19;
}

/// `value` is loose.
void store_coordinate(const Field25519& value, ProofForm form, int coordinate, std::size_t entry,
                      ProofTable& table) noexcept {
  const Field25519 reduced = field_multiply(value, field_small(1));
  Words word;
  if (form == ProofForm::kCentredLimbs) {
    centred_limbs(reduced, word);
  } else {
    std::uint8_t bytes[sizeof word];
    field_to_bytes(reduced, bytes);
    __builtin_memcpy(word, bytes, sizeof word);
  }
  for (int i = 0; i < kProofCoordinateWords; ++i) table.word[coordinate][i][entry] = word[i];
}

/// All entries, projective, of B.
void make_entries(const EdwardsExtended& base, Workspace& w) noexcept {
  EdwardsExtended tooth[kProofTeeth] = {base};
  for (int j = 0; j + 1 < kProofTeeth; ++j) {
    w.twice[j] = edwards_double(tooth[j].point);
    tooth[j + 1] = w.twice[j];
    for (int i = 1; i < kProofColumns; ++i) tooth[j + 1] = edwards_double(tooth[j + 1].point);
  }
  w.entry[0] = tooth[kProofTeeth - 1];
  for (int j = 0; j + 1 < kProofTeeth; ++j) {
    w.entry[0] = edwards_add(w.entry[0], edwards_negate(tooth[j]));
  }
  for (int j = 0; j + 1 < kProofTeeth; ++j) {
    const std::size_t half = std::size_t{1} << j;
    for (std::size_t i = 0; i < half; ++i) {
      w.entry[half + i] = edwards_add(w.entry[i], w.twice[j]);
    }
  }
}

/// One inversion for all; no z of a complete formula is zero.
void store_entries(Workspace& w, ProofForm form, ProofTable& table) noexcept {
  for (std::size_t i = 0; i < kProofEntries; ++i) {
    const Field25519& z = w.entry[i].point.z;
    w.product[i] = i == 0 ? z : field_multiply(w.product[i - 1], z);
  }
  Field25519 inverse = field_invert(w.product[kProofEntries - 1]);
  for (std::size_t i = kProofEntries; i-- > 0;) {
    const EdwardsPoint& p = w.entry[i].point;
    const Field25519 z_inverse = i == 0 ? inverse : field_multiply(inverse, w.product[i - 1]);
    inverse = field_multiply(inverse, p.z);
    const Field25519 x = field_multiply(p.x, z_inverse);
    const Field25519 y = field_multiply(p.y, z_inverse);
    store_coordinate(field_add(y, x), form, 0, i, table);
    store_coordinate(field_subtract(y, x), form, 1, i, table);
    store_coordinate(field_multiply(field_multiply(x, y), kEdwards2D), form, 2, i, table);
  }
}

}  // namespace

bool make_proof_table(const std::uint8_t* client_key, ProofForm form, ProofTable& table) noexcept {
  Workspace w;
  EdwardsExtended base;
  if (edwards_from_montgomery(field_from_bytes(client_key), base) == 0) return false;
  for (int i = 0; i < 3; ++i) base = edwards_double(base.point);
  make_entries(base, w);
  store_entries(w, form, table);
  // Which client calls is not shown on the wire.
  base::wipe_object(w);
  base::wipe_object(base);
  base::wipe_stack();
  return true;
}

}  // namespace pssst::crypto
