#include "protocol/hedged_bytes.hpp"

#include "base/assert.hpp"
#include "base/random.hpp"
#include "crypto/hkdf.hpp"

namespace pssst::protocol {
namespace {

using crypto::MessagePart;

constexpr std::size_t kSlot = crypto::kKeySlots - 1;
constexpr std::size_t kSeedSize = 32;
constexpr std::array<std::uint8_t, 12> kLabel{'P', 'S', 'S', 'S', 'T', ' ',
                                              'h', 'e', 'd', 'g', 'e', 'd'};

}  // namespace

HedgedBytes::HedgedBytes() : state_(base::make_secret<State>()) {}

void HedgedBytes::draw_keys(crypto::SymmetricEngine& engine,
                            std::span<const std::uint8_t> more) noexcept {
  std::array<std::uint8_t, kSeedSize> seed;
  base::fill_random(seed);
  crypto::HmacKey key;
  crypto::Bytes32 prk;
  std::array<std::uint8_t, sizeof prk + crypto::kAesKeySize> okm;
  engine.sha256().make_hmac_key(seed, key);
  const crypto::HmacKey* const keys = &key;
  std::uint8_t* out = prk.data();
  const std::array ikm{MessagePart::same(kLabel), MessagePart::same(more)};
  crypto::hkdf_extract(engine.sha256(), &keys, ikm, &out, 1);
  engine.sha256().make_hmac_key(prk, key);
  out = okm.data();
  crypto::hkdf_expand(engine.sha256(), &keys, std::span(ikm).first(1), &out, okm.size(), 1);
  engine.sha256().make_hmac_key(std::span(okm).first<sizeof prk>(), state_->key);
  std::copy_n(okm.begin() + sizeof prk, crypto::kAesKeySize, state_->digest_key.begin());
  state_->keyed = 1;
  base::wipe_object(seed);
  base::wipe_object(key);
  base::wipe_object(prk);
  base::wipe_object(okm);
}

void HedgedBytes::add_device_secret(crypto::SymmetricEngine& engine,
                                    std::span<const std::uint8_t> secret) noexcept {
  draw_keys(engine, secret);
}

void HedgedBytes::draw(crypto::SymmetricEngine& engine, std::span<const Use> uses,
                       std::uint8_t* const* out, std::size_t size) noexcept {
  Fresh fresh;
  base::fill_random(fresh);
  draw_from(engine, fresh, uses, out, size);
  base::wipe_object(fresh);
}

void HedgedBytes::draw_from(crypto::SymmetricEngine& engine, const Fresh& fresh,
                            std::span<const Use> uses, std::uint8_t* const* out,
                            std::size_t size) noexcept {
  PSSST_ASSERT(uses.size() <= crypto::kX25519LanesMax && size <= crypto::kSha256Size);
  if (state_->keyed == 0) draw_keys(engine, {});
  State& state = *state_;
  std::array<const crypto::HmacKey*, crypto::kX25519LanesMax> keys;
  std::array<const std::uint8_t*, crypto::kX25519LanesMax> ids;
  std::array<const std::uint8_t*, crypto::kX25519LanesMax> digests;
  // Tells lanes apart that have one use: one request, sent twice, may be answered twice in a burst.
  std::array<std::uint8_t, crypto::kX25519LanesMax> numbers;
  std::array<const std::uint8_t*, crypto::kX25519LanesMax> number_pointers;
  constexpr std::array<std::uint8_t, crypto::kGcmNonceSize> kNonce{};
  engine.set_key(kSlot, state.digest_key, 0);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    engine.seal(kSlot, kNonce, uses[i].text, nullptr, 0, nullptr, state.digests[i]);
    keys[i] = &state.key;
    ids[i] = uses[i].id;
    digests[i] = state.digests[i].data();
    numbers[i] = static_cast<std::uint8_t>(i);
    number_pointers[i] = &numbers[i];
  }
  // One block, with 49 bytes.
  const std::array message{MessagePart::same(fresh), MessagePart::each(ids.data(), sizeof(Block)),
                           MessagePart::each(digests.data(), sizeof(Block)),
                           MessagePart::each(number_pointers.data(), 1)};
  engine.sha256().hmac(keys.data(), message, out, size, uses.size());
  base::wipe(state.digests.data(), uses.size() * sizeof(Block));
}

}  // namespace pssst::protocol
