#include "protocol/static_secret_finder.hpp"

#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "protocol/server_key.hpp"

namespace pssst::protocol {

using crypto::Bytes32;

StaticSecretFinder::StaticSecretFinder(const crypto::X25519Kernel& kernel,
                                       StaticSecrets&& table) noexcept
    : kernel_(kernel), table_(std::move(table)) {
  base::fill_random(dummy_);
}

void StaticSecretFinder::add_miss(std::size_t place, const ServerKey& key) noexcept {
  places_[misses_] = place;
  scalars_[misses_] = &key.prepared().scalar;
  std::memcpy(points_[misses_].data(), pairs_[place].client, sizeof(Bytes32));
  ++misses_;
}

void StaticSecretFinder::multiply_misses() noexcept {
  const crypto::LaneMask zero =
      kernel_.multiply(scalars_.data(), points_.data(), products_.data(), misses_);
  for (std::size_t n = 0; n < misses_; ++n) {
    // Of no key that passes enrolment. Everybody knows a zero; what is sealed under it is refused.
    const bool is_zero = (zero >> n & 1) != 0;
    secrets_[places_[n]] = is_zero ? dummy_ : products_[n];
    if (!is_zero) table_.add(pairs_[places_[n]], products_[n]);
  }
  base::wipe(products_.data(), misses_ * sizeof(Bytes32));
  // Who called is a secret too: the wire does not show C.
  base::wipe(points_.data(), misses_ * sizeof(Bytes32));
}

void StaticSecretFinder::find(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
                              std::span<const Bytes32*> secrets) noexcept {
  PSSST_ASSERT(lanes.size() <= kBurstLanesMax && lanes.size() == secrets.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    pairs_[i] = {.server = &burst.key[lanes[i]]->public_key(),
                 .client = burst.plaintext[lanes[i]].data()};
  }
  table_.find(std::span(pairs_).first(lanes.size()), std::span(found_).first(lanes.size()));
  misses_ = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    secrets[i] = &secrets_[i];
    const bool known = burst.client[lanes[i]] != nullptr;
    if (!known || found_[i] != nullptr) {
      secrets_[i] = known ? *found_[i] : dummy_;
      counts_.found += known ? 1 : 0;
    } else {
      add_miss(i, *burst.key[lanes[i]]);
    }
  }
  counts_.multiplied += misses_;
  multiply_misses();
}

void StaticSecretFinder::wipe(std::size_t n) noexcept {
  base::wipe(secrets_.data(), n * sizeof(Bytes32));
}

void StaticSecretFinder::prepare(const ServerKey& key, std::span<const Identity> clients) noexcept {
  PSSST_ASSERT(clients.size() <= kBurstLanesMax);
  if (table_.capacity() == 0) return;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    pairs_[i] = {.server = &key.public_key(), .client = clients[i].public_key.data()};
  }
  table_.find(std::span(pairs_).first(clients.size()), std::span(found_).first(clients.size()));
  misses_ = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (found_[i] == nullptr) add_miss(i, key);
  }
  multiply_misses();
  wipe(clients.size());
}

}  // namespace pssst::protocol
