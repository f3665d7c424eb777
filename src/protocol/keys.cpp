#include "pssst/keys.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "crypto/public_key_check.hpp"
#include "crypto/x25519.hpp"

namespace pssst {

std::string_view to_string(PublicKeyFault fault) noexcept {
  switch (fault) {
    case PublicKeyFault::kNone:
      return "the key is sound";
    case PublicKeyFault::kNotCanonical:
      return "the key is not a canonical encoding: bit 255 is set or it is not below 2^255-19";
    case PublicKeyFault::kSmallOrder:
      return "the key is a point of small order";
    case PublicKeyFault::kOnTwist:
      return "the key is not a point of the curve";
    case PublicKeyFault::kNotPrimeOrder:
      return "the key has a small-order component";
    case PublicKeyFault::kBasePoint:
      return "the key is the base point";
  }
  return "unknown fault";
}

PublicKeyFault check_public_key(const PublicKey& key) noexcept {
  return crypto::check_public_key(key);
}

std::string_view fault_of(const KeyUse& use) noexcept {
  if (use.suite != kSuite1 && use.suite != kSuiteF002) return "there is no such suite";
  if (use.suite == kSuite1 && !use.label.empty()) return "suite 1 has no label";
  if (use.label.size() > kLabelSizeMax) return "the label is longer than 64 bytes";
  return {};
}

struct PrivateKey::Secret {
  std::array<std::uint8_t, kKeySize> bytes{};
};

void PrivateKey::SecretDeleter::operator()(Secret* secret) const noexcept {
  base::SecretDeleter<Secret>{}(secret);
}

PrivateKey::PrivateKey(std::span<const std::uint8_t, kKeySize> bytes)
    : secret_(base::make_secret<Secret>().release()) {
  std::ranges::copy(bytes, secret_->bytes.begin());
}

PrivateKey PrivateKey::generate() {
  // Drawn straight into the key's own pages: no copy is ever elsewhere.
  PrivateKey key{std::array<std::uint8_t, kKeySize>{}};
  base::fill_random(key.secret_->bytes);
  return key;
}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

std::span<const std::uint8_t, kKeySize> PrivateKey::bytes() const noexcept {
  PSSST_ASSERT(secret_ != nullptr);
  return secret_->bytes;
}

PublicKey PrivateKey::public_key() const noexcept {
  return crypto::x25519_public(crypto::X25519Scalar(bytes()));
}

}  // namespace pssst
