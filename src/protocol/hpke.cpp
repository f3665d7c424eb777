#include "protocol/hpke.hpp"

#include <algorithm>
#include <string_view>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"

namespace pssst::protocol::hpke {
namespace {

using crypto::HmacKey;
using crypto::MessagePart;
using crypto::Sha256Engine;

/// The characters of a literal as bytes, zeros in them included and the last one left out.
template <std::size_t N>
constexpr std::array<std::uint8_t, N - 1> bytes_of(const char (&text)[N]) noexcept {
  std::array<std::uint8_t, N - 1> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(text[i]);
  return bytes;
}

// "HPKE-v1" || suite_id || label, for LabeledExtract (section 4): suite_id is "KEM" || kem_id, and
// "HPKE" || kem_id || kdf_id || aead_id in the key schedule (sections 4.1 and 5.1).
constexpr auto kEaePrk = bytes_of(
    "HPKE-v1KEM\0\x20"
    "eae_prk");
constexpr auto kPskIdHash = bytes_of("HPKE-v1HPKE\0\x20\0\1\0\1psk_id_hash");
constexpr auto kInfoHash = bytes_of("HPKE-v1HPKE\0\x20\0\1\0\1info_hash");
constexpr auto kSecret = bytes_of("HPKE-v1HPKE\0\x20\0\1\0\1secret");
// For LabeledExpand the length, two bytes, goes before.
constexpr auto kSharedSecret = bytes_of("\0\x20HPKE-v1KEM\0\x20shared_secret");
constexpr auto kKey = bytes_of("\0\x10HPKE-v1HPKE\0\x20\0\1\0\1key");
constexpr auto kBaseNonce = bytes_of(
    "\0\x0cHPKE-v1HPKE\0\x20\0\1\0\1"
    "base_nonce");
constexpr auto kExporterSecret = bytes_of(
    "\0\x20HPKE-v1HPKE\0\x20\0\1\0\1"
    "exp");
constexpr auto kExport = bytes_of("HPKE-v1HPKE\0\x20\0\1\0\1sec");

constexpr std::uint8_t kModeBase = 0;

/// LabeledExtract("", label, ikm), once.
void extract_once(Sha256Engine& engine, std::span<const std::uint8_t> label,
                  std::span<const std::uint8_t> ikm, std::uint8_t* out) noexcept {
  HmacKey key;
  engine.make_hmac_key({}, key);
  const HmacKey* const salt = &key;
  const std::array message{MessagePart::same(label), MessagePart::same(ikm)};
  hkdf_extract(engine, &salt, message, &out, 1);
}

}  // namespace

KeyScheduleContext make_key_schedule_context(Sha256Engine& engine,
                                             std::span<const std::uint8_t> info) noexcept {
  PSSST_ASSERT(info.size() <= kHpkeInfoSizeMax);
  KeyScheduleContext context{kModeBase};
  extract_once(engine, kPskIdHash, {}, context.data() + 1);
  extract_once(engine, kInfoHash, info, context.data() + 1 + crypto::kSha256Size);
  return context;
}

KeySchedule::KeySchedule(Sha256Engine& engine) noexcept {
  engine.make_hmac_key({}, no_salt_);
  no_salts_.fill(&no_salt_);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    key_pointers_[i] = &keys_[i];
    key_targets_[i] = &keys_[i];
    secret_targets_[i] = secrets_[i].data();
    secret_pointers_[i] = secrets_[i].data();
  }
}

void KeySchedule::use_secrets_as_keys(Sha256Engine& engine, std::size_t n) noexcept {
  engine.make_hmac_keys(secret_pointers_.data(), key_targets_.data(), n);
}

void KeySchedule::derive(Sha256Engine& engine, const LaneInputs& inputs, std::uint8_t* const* keys,
                         std::uint8_t* const* nonces, std::size_t n) noexcept {
  PSSST_ASSERT(n <= keys_.size());
  std::uint8_t* const* const secrets = secret_targets_.data();
  const HmacKey* const* const by_secret = key_pointers_.data();
  constexpr std::size_t kSize = sizeof(crypto::Bytes32);

  const std::array dh{MessagePart::same(kEaePrk), MessagePart::each(inputs.dh, kSize)};
  hkdf_extract(engine, no_salts_.data(), dh, secrets, n);
  use_secrets_as_keys(engine, n);
  const std::array kem_context{MessagePart::same(kSharedSecret),
                               MessagePart::each(inputs.enc, kSize),
                               MessagePart::each(inputs.public_key, kSize)};
  hkdf_expand(engine, by_secret, kem_context, secrets, kSize, n);
  use_secrets_as_keys(engine, n);
  const std::array no_psk{MessagePart::same(kSecret)};
  hkdf_extract(engine, by_secret, no_psk, secrets, n);
  use_secrets_as_keys(engine, n);

  const auto expand = [&](std::span<const std::uint8_t> label, std::uint8_t* const* out,
                          std::size_t size) {
    const std::array info{MessagePart::same(label),
                          MessagePart::each(inputs.context, sizeof(KeyScheduleContext))};
    hkdf_expand(engine, by_secret, info, out, size, n);
  };
  expand(kKey, keys, kNkSize);
  expand(kBaseNonce, nonces, kNnSize);
  expand(kExporterSecret, secrets, kSize);
  use_secrets_as_keys(engine, n);
  base::wipe(secrets_.data(), n * kSize);
}

void KeySchedule::export_secrets(Sha256Engine& engine, std::span<const std::uint8_t> lanes,
                                 std::span<const std::uint8_t> exporter_context,
                                 std::uint8_t* const* out, std::size_t size) noexcept {
  PSSST_ASSERT(exporter_context.size() <= kHpkeInfoSizeMax && size <= crypto::kHkdfSizeMax);
  Lanes<const HmacKey*> exporters;
  for (std::size_t k = 0; k < lanes.size(); ++k) exporters[k] = &keys_[lanes[k]];
  const std::array<std::uint8_t, 2> length{static_cast<std::uint8_t>(size >> 8),
                                           static_cast<std::uint8_t>(size & 0xff)};
  const std::array info{MessagePart::same(length), MessagePart::same(kExport),
                        MessagePart::same(exporter_context)};
  hkdf_expand(engine, exporters.data(), info, out, size, lanes.size());
}

void KeySchedule::wipe(std::size_t n) noexcept {
  base::wipe(keys_.data(), n * sizeof(HmacKey));
}

}  // namespace pssst::protocol::hpke
