#include "protocol/proof_cache.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "pssst/request_burst.hpp"

namespace pssst::protocol {
namespace {

constexpr std::uint8_t kUsesMax = 15;
constexpr std::size_t kPageSize = 4096;
constexpr std::size_t kCacheLine = 64;

__extension__ using Product = unsigned __int128;

/// Both halves of a 128-bit product, folded: every input bit reaches every part of the result.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint8_t* map_pages(std::size_t size) {
  if (size == 0) return nullptr;
  void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  // Neither is needed: fewer TLB misses, and no list of recent callers in a core dump.
  static_cast<void>(::madvise(pages, size, MADV_HUGEPAGE));
  static_cast<void>(::madvise(pages, size, MADV_DONTDUMP));
  auto* bytes = static_cast<volatile std::uint8_t*>(pages);
  for (std::size_t i = 0; i < size; i += kPageSize) bytes[i] = 0;
  return static_cast<std::uint8_t*>(pages);
}

}  // namespace

void ProofCache::PagesDeleter::operator()(std::uint8_t* pages) const noexcept {
  ::munmap(pages, size);
}

ProofCache::ProofCache(std::size_t memory, crypto::ProofForm form)
    : set_count_(memory / (kWays * kBytesPerTable)),
      form_(form),
      pages_(map_pages(this->memory()), PagesDeleter{this->memory()}) {
  if (set_count_ == 0) return;
  // Zeroed pages are what both begin as: no key has a table.
  tables_ = reinterpret_cast<crypto::ProofTable*>(pages_.get());
  sets_ = reinterpret_cast<Set*>(tables_ + capacity());
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
}

std::size_t ProofCache::memory() const noexcept {
  return capacity() * kBytesPerTable;
}

ProofCache::Place ProofCache::place_of(const std::uint8_t* key) const noexcept {
  std::array<std::uint64_t, 4> word{};
  static_assert(sizeof word == crypto::kX25519Size);
  std::memcpy(word.data(), key, sizeof word);
  const std::uint64_t hash = fold_multiply(word[0] ^ seed_[0], word[1] ^ seed_[1]) ^
                             fold_multiply(word[2] ^ seed_[2], word[3] ^ seed_[3]);
  return {.set = static_cast<std::size_t>(static_cast<Product>(hash) * set_count_ >> 64),
          .tag = static_cast<std::uint32_t>(hash) | 1};
}

std::size_t ProofCache::find_way(const Set& set, std::uint32_t tag,
                                 const std::uint8_t* key) noexcept {
  for (std::size_t way = 0; way < kWays; ++way) {
    if (set.tag[way] == tag && std::memcmp(set.key[way].data(), key, sizeof set.key[way]) == 0) {
      return way;
    }
  }
  return kWays;
}

void ProofCache::find(std::span<const std::uint8_t* const> keys,
                      std::span<const crypto::ProofTable*> found) const noexcept {
  PSSST_ASSERT(keys.size() <= kBurstLanesMax && keys.size() == found.size());
  std::ranges::fill(found, nullptr);
  if (set_count_ == 0) return;
  std::array<Place, kBurstLanesMax> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    places[i] = place_of(keys[i]);
    const auto* set = reinterpret_cast<const std::uint8_t*>(sets_ + places[i].set);
    for (std::size_t line = 0; line < sizeof(Set); line += kCacheLine) {
      __builtin_prefetch(set + line);
    }
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t way = find_way(sets_[places[i].set], places[i].tag, keys[i]);
    if (way == kWays) continue;
    found[i] = tables_ + places[i].set * kWays + way;
    const auto* table = reinterpret_cast<const std::uint8_t*>(found[i]);
    for (std::size_t line = 0; line < sizeof(crypto::ProofTable); line += kCacheLine) {
      __builtin_prefetch(table + line);
    }
  }
}

void ProofCache::count_use(const crypto::ProofTable* table) noexcept {
  const auto place = static_cast<std::size_t>(table - tables_);
  PSSST_ASSERT(place < capacity());
  std::uint8_t& uses = sets_[place / kWays].uses[place % kWays];
  if (uses < kUsesMax) ++uses;
}

bool ProofCache::remember(const std::uint8_t* key) noexcept {
  if (set_count_ == 0) return false;
  const Place place = place_of(key);
  Set& set = sets_[place.set];
  if (std::ranges::find(set.seen, place.tag) != set.seen.end()) return true;
  set.seen[set.seen_next] = place.tag;
  set.seen_next = static_cast<std::uint8_t>((set.seen_next + 1) % kWays);
  return false;
}

std::size_t ProofCache::make_room(Set& set) noexcept {
  for (std::size_t way = 0; way < kWays; ++way) {
    if (set.tag[way] == 0) return way;
  }
  const auto* const unused = std::ranges::find(set.uses, std::uint8_t{0});
  if (unused != set.uses.end()) return static_cast<std::size_t>(unused - set.uses.begin());
  for (std::uint8_t& uses : set.uses) --uses;
  return kWays;
}

bool ProofCache::add(const std::uint8_t* key) noexcept {
  if (set_count_ == 0) return false;
  const Place place = place_of(key);
  Set& set = sets_[place.set];
  if (find_way(set, place.tag, key) != kWays) return false;
  const std::size_t way = make_room(set);
  if (way == kWays) return false;
  set.tag[way] = 0;
  if (!crypto::make_proof_table(key, form_, tables_[place.set * kWays + way])) return false;
  std::memcpy(set.key[way].data(), key, sizeof set.key[way]);
  set.tag[way] = place.tag;
  set.uses[way] = 1;
  return true;
}

}  // namespace pssst::protocol
