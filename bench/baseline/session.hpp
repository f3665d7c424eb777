/// Suite 1 by OpenSSL, one request at a time: how one would write it with the usual library.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "baseline/openssl_pointer.hpp"

namespace pssst::bench {

/// A server's side of suite 1 for anonymous clients. Everything that may outlive a request is made
/// once: contexts, fetched algorithms, the private key. One per thread.
class BaselineSession {
 public:
  /// Aborts if OpenSSL lacks an algorithm or refuses the key.
  explicit BaselineSession(std::span<const std::uint8_t, 32> private_key);

  /// Opens `request` and seals its message as the reply into the front of `reply`, which has room
  /// for as many bytes. Returns the reply's size, that of the request; 0: no reply.
  std::size_t echo(std::span<const std::uint8_t> request, std::span<std::uint8_t> reply) noexcept;

  /// All of it but the checks and X25519, whose result is `shared`.
  std::size_t echo_with(std::span<const std::uint8_t> request,
                        std::span<const std::uint8_t, 32> shared,
                        std::span<std::uint8_t> reply) noexcept;

 private:
  using KeyMaterial = std::array<std::uint8_t, 32>;

  bool multiply(std::span<const std::uint8_t, 32> dh, std::span<std::uint8_t, 32> shared) noexcept;
  bool derive(std::span<const std::uint8_t, 32> dh, std::span<const std::uint8_t, 32> shared,
              KeyMaterial& key_material) noexcept;
  bool open(std::span<const std::uint8_t> request, const KeyMaterial& key_material,
            std::uint8_t* message) noexcept;
  bool seal(std::span<const std::uint8_t> header, const KeyMaterial& key_material,
            std::uint8_t* text, std::size_t size, std::uint8_t* tag) noexcept;

  OpensslPointer<EVP_PKEY, EVP_PKEY_free> private_key_;
  OpensslPointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free> derive_context_;
  OpensslPointer<EVP_MD, EVP_MD_free> sha256_;
  OpensslPointer<EVP_MD_CTX, EVP_MD_CTX_free> hash_context_;
  OpensslPointer<EVP_CIPHER, EVP_CIPHER_free> aes_gcm_;
  OpensslPointer<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher_context_;
};

}  // namespace pssst::bench
