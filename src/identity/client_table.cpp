#include "identity/client_table.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"

namespace pssst::identity {
namespace {

/// Both halves of a 128-bit product, folded: every input bit reaches the low bits.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

ClientTable::ClientTable(std::vector<Identity> identities)
    : identities_(std::move(identities)),
      slots_(std::bit_ceil(2 * identities_.size() + 2)),
      slot_mask_(slots_.size() - 1) {
  PSSST_ASSERT(identities_.size() < std::numeric_limits<std::uint32_t>::max());
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
  for (std::size_t i = 0; i < identities_.size(); ++i) {
    std::size_t slot = first_slot(identities_[i].public_key.data());
    while (slots_[slot] != 0) slot = (slot + 1) & slot_mask_;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

std::size_t ClientTable::first_slot(const std::uint8_t* key) const noexcept {
  std::array<std::uint64_t, 4> words{};
  static_assert(sizeof words == kKeySize);
  std::memcpy(words.data(), key, sizeof words);
  const std::uint64_t hash = fold_multiply(words[0] ^ seed_[0], words[1] ^ seed_[1]) ^
                             fold_multiply(words[2] ^ seed_[2], words[3] ^ seed_[3]);
  return static_cast<std::size_t>(hash) & slot_mask_;
}

const Identity* ClientTable::find_from(std::size_t slot, const std::uint8_t* key) const noexcept {
  for (; slots_[slot] != 0; slot = (slot + 1) & slot_mask_) {
    const Identity& identity = identities_[slots_[slot] - 1];
    if (std::memcmp(identity.public_key.data(), key, kKeySize) == 0) return &identity;
  }
  return nullptr;
}

void ClientTable::find(std::span<const std::uint8_t* const> keys,
                       std::span<FoundClient> found) const noexcept {
  PSSST_ASSERT(keys.size() <= kBurstLanesMax && keys.size() == found.size());
  std::array<std::size_t, kBurstLanesMax> slots{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    slots[i] = first_slot(keys[i]);
    __builtin_prefetch(&slots_[slots[i]]);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint32_t entry = slots_[slots[i]];
    if (entry != 0) __builtin_prefetch(&identities_[entry - 1]);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Identity* const identity = find_from(slots[i], keys[i]);
    found[i] = identity == nullptr ? FoundClient{} : FoundClient{DropReason::kNone, *identity};
  }
}

}  // namespace pssst::identity
