#include "tools/load/dh_index.hpp"

#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace pssst::tools::load {
namespace {

// Not the first ones: a small dh is as likely as any, but tests like to count there.
constexpr std::size_t kKeyOffset = 8;

std::uint64_t key_of(DhIndex::Dh dh) noexcept {
  std::uint64_t key = 0;
  std::memcpy(&key, dh.data() + kKeyOffset, sizeof key);
  return key;
}

}  // namespace

DhIndex::DhIndex(std::size_t size_max)
    : slots_(std::bit_ceil(2 * size_max + 1)), mask_(slots_.size() - 1), size_max_(size_max) {}

void DhIndex::insert(Dh dh, std::uint32_t value) noexcept {
  PSSST_ASSERT(size_ < size_max_ && value != kFree);
  const std::uint64_t key = key_of(dh);
  std::size_t i = home(key);
  while (slots_[i].value != kFree) i = after(i);
  slots_[i] = {key, value};
  ++size_;
}

void DhIndex::erase(Dh dh, std::uint32_t value) noexcept {
  const std::uint64_t key = key_of(dh);
  std::size_t hole = home(key);
  while (slots_[hole].key != key || slots_[hole].value != value) {
    PSSST_ASSERT(slots_[hole].value != kFree);
    hole = after(hole);
  }
  // What stands behind the hole moves into it, unless its home lies behind the hole itself.
  for (std::size_t i = after(hole); slots_[i].value != kFree; i = after(i)) {
    const std::size_t from_home = (i - home(slots_[i].key)) & mask_;
    if (from_home >= ((i - hole) & mask_)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {};
  --size_;
}

std::optional<std::uint32_t> DhIndex::find(Dh dh) const noexcept {
  const std::uint64_t key = key_of(dh);
  for (std::size_t i = home(key); slots_[i].value != kFree; i = after(i)) {
    if (slots_[i].key == key) return slots_[i].value;
  }
  return std::nullopt;
}

}  // namespace pssst::tools::load
