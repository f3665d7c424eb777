#include "protocol/static_secrets.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>

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
    : set_count_(capacity == 0 ? 0 : std::bit_ceil((capacity - 1) / kWays + 1)) {
  if (set_count_ == 0) return;
  if (set_count_ > SIZE_MAX / sizeof(Set)) throw std::bad_alloc();
  const std::size_t size = set_count_ * sizeof(Set);
  // Pages come zeroed: no entry is in use.
  sets_ = {static_cast<Set*>(base::allocate_secret_pages(size)), PagesDeleter{size}};
  base::fill_random(std::span(reinterpret_cast<std::uint8_t*>(seed_.data()), sizeof seed_));
}

std::array<std::size_t, 2> StaticSecrets::sets_of(const Pair& pair) const noexcept {
  const std::uint64_t hash = hash32(pair.server->data(), std::span(seed_).first<4>()) ^
                             hash32(pair.client, std::span(seed_).last<4>());
  return {static_cast<std::size_t>(hash) & (set_count_ - 1),
          static_cast<std::size_t>(std::rotl(hash, 32)) & (set_count_ - 1)};
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
  std::array<std::array<std::size_t, 2>, crypto::kX25519LanesMax> sets;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    sets[i] = sets_of(pairs[i]);
    for (const std::size_t set : sets[i]) {
      __builtin_prefetch(&sets_[set]);
      __builtin_prefetch(&sets_[set].used);
    }
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (const std::size_t set : sets[i]) {
      const std::size_t way = way_of(sets_[set], pairs[i]);
      if (way == kWays) continue;
      found[i] = &sets_[set].entries[way].secret;
      break;
    }
  }
}

StaticSecrets::Entry& StaticSecrets::place_for(const Pair& pair) noexcept {
  const auto [first, second] = sets_of(pair);
  for (const std::size_t set : {first, second}) {
    if (const std::size_t way = way_of(sets_[set], pair); way < kWays) {
      return sets_[set].entries[way];
    }
  }
  // The emptier of two: a set is full only where nearly all are.
  Set& set = sets_[sets_[first].used <= sets_[second].used ? first : second];
  if (set.used < kWays) return set.entries[set.used++];
  const std::size_t oldest = set.next;
  set.next = static_cast<std::uint8_t>((oldest + 1) % kWays);
  return set.entries[oldest];
}

void StaticSecrets::add(const Pair& pair, const crypto::Bytes32& secret) noexcept {
  if (set_count_ == 0) return;
  Entry& entry = place_for(pair);
  entry.server = *pair.server;
  std::memcpy(entry.client.data(), pair.client, sizeof entry.client);
  entry.secret = secret;
}

void StaticSecrets::clear() noexcept {
  if (set_count_ != 0) base::wipe(sets_.get(), set_count_ * sizeof(Set));
}

}  // namespace pssst::protocol
