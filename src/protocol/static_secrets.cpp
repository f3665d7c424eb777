#include "protocol/static_secrets.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"

namespace pssst::protocol {
namespace {

/// Both halves of a 128-bit product, folded: every input bit reaches the low bits.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash32(const std::uint8_t* bytes, std::span<const std::uint64_t, 4> seed) noexcept {
  std::array<std::uint64_t, 4> words;
  std::memcpy(words.data(), bytes, sizeof words);
  return fold_multiply(words[0] ^ seed[0], words[1] ^ seed[1]) ^
         fold_multiply(words[2] ^ seed[2], words[3] ^ seed[3]);
}

}  // namespace

void StaticSecrets::PagesDeleter::operator()(Set* sets) const noexcept {
  base::free_secret_pages(sets, size);
}

StaticSecrets::StaticSecrets(std::size_t capacity)
    : set_count_(capacity == 0 ? 0 : std::bit_ceil((capacity + kWays - 1) / kWays)) {
  if (set_count_ == 0) return;
  const std::size_t size = set_count_ * sizeof(Set);
  // Pages come zeroed: no entry is in use.
  sets_ = {static_cast<Set*>(base::allocate_secret_pages(size)), PagesDeleter{size}};
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
}

std::size_t StaticSecrets::set_of(const Pair& pair) const noexcept {
  const std::uint64_t hash = hash32(pair.server->data(), std::span(seed_).first<4>()) ^
                             hash32(pair.client, std::span(seed_).last<4>());
  return static_cast<std::size_t>(hash) & (set_count_ - 1);
}

std::size_t StaticSecrets::way_of(const Set& set, const Pair& pair) noexcept {
  for (std::size_t way = 0; way < set.used; ++way) {
    const Entry& entry = set.entries[way];
    if (std::memcmp(entry.client.data(), pair.client, sizeof entry.client) == 0 &&
        entry.server == *pair.server) {
      return way;
    }
  }
  return kWays;
}

void StaticSecrets::find(std::span<const Pair> pairs,
                         std::span<const crypto::Bytes32*> found) const noexcept {
  PSSST_ASSERT(pairs.size() <= crypto::kX25519LanesMax && pairs.size() == found.size());
  std::ranges::fill(found, nullptr);
  if (set_count_ == 0) return;
  std::array<const Set*, crypto::kX25519LanesMax> sets;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    sets[i] = &sets_[set_of(pairs[i])];
    __builtin_prefetch(sets[i]);
    __builtin_prefetch(&sets[i]->used);
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::size_t way = way_of(*sets[i], pairs[i]);
    if (way < kWays) found[i] = &sets[i]->entries[way].secret;
  }
}

void StaticSecrets::add(const Pair& pair, const crypto::Bytes32& secret) noexcept {
  if (set_count_ == 0) return;
  Set& set = sets_[set_of(pair)];
  std::size_t way = way_of(set, pair);
  if (way == kWays && set.used < kWays) way = set.used++;
  if (way == kWays) {
    way = set.next;
    set.next = static_cast<std::uint8_t>((way + 1) % kWays);
  }
  Entry& entry = set.entries[way];
  entry.server = *pair.server;
  std::memcpy(entry.client.data(), pair.client, sizeof entry.client);
  entry.secret = secret;
}

void StaticSecrets::clear() noexcept {
  if (set_count_ != 0) base::wipe(sets_.get(), set_count_ * sizeof(Set));
}

}  // namespace pssst::protocol
