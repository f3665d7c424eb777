#include "baseline/session.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "pssst/wire.hpp"

namespace pssst::bench {
namespace {

constexpr std::array<std::uint8_t, 4> kRequestHeader{0, 0, 0, 1};
constexpr std::array<std::uint8_t, 4> kReplyHeader{0x80, 0, 0, 1};
constexpr std::size_t kAesKeySize = 16;
constexpr std::size_t kNoncePrefixSize = 8;

using Nonce = std::array<std::uint8_t, 12>;

/// okm[16:24] || "RQST", okm[24:32] || "RPLY".
Nonce make_nonce(std::span<const std::uint8_t, kNoncePrefixSize> prefix, const char* suffix) {
  Nonce nonce;
  std::copy(prefix.begin(), prefix.end(), nonce.begin());
  std::copy_n(suffix, nonce.size() - prefix.size(), nonce.begin() + kNoncePrefixSize);
  return nonce;
}

}  // namespace

BaselineSession::BaselineSession(std::span<const std::uint8_t, 32> private_key)
    : private_key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, private_key.data(),
                                                private_key.size())),
      derive_context_(EVP_PKEY_CTX_new(private_key_.get(), nullptr)),
      sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
      hash_context_(EVP_MD_CTX_new()),
      aes_gcm_(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)),
      cipher_context_(EVP_CIPHER_CTX_new()) {
  PSSST_ASSERT(derive_context_ != nullptr && EVP_PKEY_derive_init(derive_context_.get()) == 1);
  PSSST_ASSERT(sha256_ != nullptr && hash_context_ != nullptr);
  PSSST_ASSERT(aes_gcm_ != nullptr && cipher_context_ != nullptr);
}

std::size_t BaselineSession::echo(std::span<const std::uint8_t> request,
                                  std::span<std::uint8_t> reply) noexcept {
  if (request.size() < kOverheadSize || reply.size() < request.size() ||
      !std::equal(kRequestHeader.begin(), kRequestHeader.end(), request.begin())) {
    return 0;
  }
  std::array<std::uint8_t, 32> shared;
  if (!multiply(request.subspan<kDhOffset, kDhSize>(), shared)) return 0;
  return echo_with(request, shared, reply);
}

std::size_t BaselineSession::echo_with(std::span<const std::uint8_t> request,
                                       std::span<const std::uint8_t, 32> shared,
                                       std::span<std::uint8_t> reply) noexcept {
  KeyMaterial key_material;
  std::uint8_t* const text = reply.data() + kCiphertextOffset;
  const std::size_t size = request.size() - kOverheadSize;
  if (!derive(request.subspan<kDhOffset, kDhSize>(), shared, key_material) ||
      !open(request, key_material, text)) {
    return 0;
  }
  std::copy(kReplyHeader.begin(), kReplyHeader.end(), reply.begin());
  std::copy_n(request.begin() + kDhOffset, kDhSize, reply.begin() + kDhOffset);
  return seal(reply.first(kHeaderSize), key_material, text, size, text + size) ? request.size() : 0;
}

bool BaselineSession::multiply(std::span<const std::uint8_t, 32> dh,
                               std::span<std::uint8_t, 32> shared) noexcept {
  const OpensslPointer<EVP_PKEY, EVP_PKEY_free> peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, dh.data(), dh.size()));
  std::size_t size = shared.size();
  // EVP_PKEY_derive() fails if the shared secret is zero.
  return peer != nullptr &&
         EVP_PKEY_derive_set_peer_ex(derive_context_.get(), peer.get(), 0) == 1 &&
         EVP_PKEY_derive(derive_context_.get(), shared.data(), &size) == 1;
}

bool BaselineSession::derive(std::span<const std::uint8_t, 32> dh,
                             std::span<const std::uint8_t, 32> shared,
                             KeyMaterial& key_material) noexcept {
  return EVP_DigestInit_ex2(hash_context_.get(), sha256_.get(), nullptr) == 1 &&
         EVP_DigestUpdate(hash_context_.get(), dh.data(), dh.size()) == 1 &&
         EVP_DigestUpdate(hash_context_.get(), shared.data(), shared.size()) == 1 &&
         EVP_DigestFinal_ex(hash_context_.get(), key_material.data(), nullptr) == 1;
}

bool BaselineSession::open(std::span<const std::uint8_t> request, const KeyMaterial& key_material,
                           std::uint8_t* message) noexcept {
  const Nonce nonce = make_nonce(std::span(key_material).subspan<kAesKeySize, 8>(), "RQST");
  std::array<std::uint8_t, kTagSize> tag;
  std::copy_n(request.end() - kTagSize, kTagSize, tag.begin());
  EVP_CIPHER_CTX* const context = cipher_context_.get();
  int length = 0;
  return EVP_DecryptInit_ex2(context, aes_gcm_.get(), key_material.data(), nonce.data(), nullptr) ==
             1 &&
         EVP_DecryptUpdate(context, nullptr, &length, request.data(), kHeaderSize) == 1 &&
         EVP_DecryptUpdate(context, message, &length, request.data() + kCiphertextOffset,
                           static_cast<int>(request.size() - kOverheadSize)) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context, message + length, &length) == 1;
}

bool BaselineSession::seal(std::span<const std::uint8_t> header, const KeyMaterial& key_material,
                           std::uint8_t* text, std::size_t size, std::uint8_t* tag) noexcept {
  const Nonce nonce =
      make_nonce(std::span(key_material).subspan<kAesKeySize + kNoncePrefixSize, 8>(), "RPLY");
  EVP_CIPHER_CTX* const context = cipher_context_.get();
  int length = 0;
  return EVP_EncryptInit_ex2(context, aes_gcm_.get(), key_material.data(), nonce.data(), nullptr) ==
             1 &&
         EVP_EncryptUpdate(context, nullptr, &length, header.data(),
                           static_cast<int>(header.size())) == 1 &&
         EVP_EncryptUpdate(context, text, &length, text, static_cast<int>(size)) == 1 &&
         EVP_EncryptFinal_ex(context, text + length, &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, tag) == 1;
}

}  // namespace pssst::bench
