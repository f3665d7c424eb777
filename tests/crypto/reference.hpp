/// What ours is compared with: OpenSSL's X25519, SHA-256 and AES-128-GCM; and inputs that are hard.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "crypto/x25519.hpp"

namespace pssst::test {

using crypto::Bytes32;

/// Deterministic bytes: every run of a test sees the same.
class SeededBytes {
 public:
  explicit SeededBytes(std::uint64_t seed) : generator_(seed) {}
  void fill(std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator_());
  }
  Bytes32 bytes32() {
    Bytes32 bytes{};
    fill(bytes);
    return bytes;
  }
  std::vector<std::uint8_t> vector(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    fill(bytes);
    return bytes;
  }

 private:
  std::mt19937_64 generator_;
};

template <auto Free>
struct OpensslDeleter {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using PkeyPointer = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using PkeyContextPointer = std::unique_ptr<EVP_PKEY_CTX, OpensslDeleter<EVP_PKEY_CTX_free>>;
using CipherContextPointer = std::unique_ptr<EVP_CIPHER_CTX, OpensslDeleter<EVP_CIPHER_CTX_free>>;

inline void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

/// Zero where the result is zero, which OpenSSL reports as a failed derivation.
inline Bytes32 reference_x25519(const Bytes32& scalar, const Bytes32& point) {
  const PkeyPointer own(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, scalar.data(), scalar.size()));
  const PkeyPointer peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, point.data(), point.size()));
  require(own != nullptr && peer != nullptr, "EVP_PKEY_new_raw");
  const PkeyContextPointer context(EVP_PKEY_CTX_new(own.get(), nullptr));
  require(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
              EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1,
          "EVP_PKEY_derive_init");
  Bytes32 result{};
  std::size_t size = result.size();
  if (EVP_PKEY_derive(context.get(), result.data(), &size) != 1) return Bytes32{};
  return result;
}

inline Bytes32 reference_sha256(std::span<const std::uint8_t> message) {
  Bytes32 digest{};
  unsigned size = 0;
  require(EVP_Digest(message.data(), message.size(), digest.data(), &size, EVP_sha256(), nullptr) ==
                  1 &&
              size == digest.size(),
          "EVP_Digest");
  return digest;
}

inline Bytes32 reference_hmac(std::span<const std::uint8_t> key,
                              std::span<const std::uint8_t> message) {
  Bytes32 mac{};
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
               message.size(), mac.data(), &size) != nullptr &&
              size == mac.size(),
          "HMAC");
  return mac;
}

struct SealedReference {
  std::vector<std::uint8_t> ciphertext;
  std::array<std::uint8_t, 16> tag{};
};

/// AES-128-GCM with a 96-bit nonce and a 128-bit tag.
inline SealedReference reference_seal(std::span<const std::uint8_t, 16> key,
                                      std::span<const std::uint8_t, 12> nonce,
                                      std::span<const std::uint8_t> aad,
                                      std::span<const std::uint8_t> message) {
  SealedReference sealed;
  sealed.ciphertext.resize(message.size());
  std::uint8_t none = 0;
  int size = 0;
  const CipherContextPointer context(EVP_CIPHER_CTX_new());
  require(
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) == 1,
      "EVP_EncryptInit_ex");
  if (!aad.empty()) {
    require(EVP_EncryptUpdate(context.get(), nullptr, &size, aad.data(),
                              static_cast<int>(aad.size())) == 1,
            "EVP_EncryptUpdate");
  }
  if (!message.empty()) {
    require(EVP_EncryptUpdate(context.get(), sealed.ciphertext.data(), &size, message.data(),
                              static_cast<int>(message.size())) == 1,
            "EVP_EncryptUpdate");
  }
  require(EVP_EncryptFinal_ex(context.get(), &none, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, sealed.tag.data()) == 1,
          "EVP_EncryptFinal_ex");
  return sealed;
}

/// 2^255 - 19 + offset, for an offset of -237 to 18.
inline Bytes32 near_p(int offset) {
  Bytes32 bytes{};
  bytes.fill(0xff);
  bytes.front() = static_cast<std::uint8_t>(0xed + offset);
  bytes.back() = 0x7f;
  return bytes;
}

inline Bytes32 small_value(std::uint8_t value) {
  Bytes32 bytes{};
  bytes.front() = value;
  return bytes;
}

inline Bytes32 with_top_bit(Bytes32 bytes) {
  bytes.back() |= 0x80;
  return bytes;
}

/// The u-coordinates of order 8.
inline constexpr std::array<Bytes32, 2> kOrder8{{
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
}};

/// Every 32-byte string that means a point of small order: five canonical ones, p and p + 1 for 0
/// and 1, and each of these with bit 255 set.
inline std::vector<Bytes32> small_order_points() {
  std::vector<Bytes32> points{small_value(0), small_value(1), near_p(-1), kOrder8[0],
                              kOrder8[1],     near_p(0),      near_p(1)};
  const std::size_t count = points.size();
  for (std::size_t i = 0; i < count; ++i) points.push_back(with_top_bit(points[i]));
  return points;
}

/// Small order, the edges of the representation, every non-canonical value, limb boundaries of the
/// usual radices, and small values of the curve and of the twist.
inline std::vector<Bytes32> adversarial_points() {
  std::vector<Bytes32> points = small_order_points();
  for (int offset = -3; offset <= 18; ++offset) {
    points.push_back(near_p(offset));
    points.push_back(with_top_bit(near_p(offset)));
  }
  for (std::uint8_t value = 2; value < 20; ++value) points.push_back(small_value(value));
  for (const std::size_t radix : {25u, 26u, 51u, 52u, 64u}) {
    for (std::size_t bit = radix; bit < 255; bit += radix) {
      Bytes32 power{};
      power.at(bit / 8) = static_cast<std::uint8_t>(1u << bit % 8);
      points.push_back(power);
      for (std::size_t i = 0; i < 32; ++i) power.at(i) = static_cast<std::uint8_t>(~power.at(i));
      points.push_back(power);
    }
  }
  return points;
}

/// A whole burst's arguments, by value.
class Burst {
 public:
  static constexpr std::uint8_t kUntouched = 0xa5;

  Burst() {
    for (std::size_t i = 0; i < scalars_.size(); ++i) pointers_.at(i) = &scalars_.at(i);
  }
  void set(std::size_t lane, const Bytes32& scalar, const Bytes32& point) {
    scalars_.at(lane).assign(scalar);
    points_.at(lane) = point;
  }
  crypto::LaneMask multiply(const crypto::X25519Kernel& kernel, std::size_t n) {
    for (Bytes32& out : out_) out.fill(kUntouched);
    return kernel.multiply(pointers_.data(), points_.data(), out_.data(), n);
  }
  crypto::X25519CheckResult check(const crypto::X25519Kernel& kernel,
                                  const std::vector<Bytes32>& expected) {
    return kernel.check(pointers_.data(), points_.data(), expected.data(), expected.size());
  }
  [[nodiscard]] const Bytes32& out(std::size_t lane) const { return out_.at(lane); }

 private:
  std::array<crypto::X25519Scalar, crypto::kX25519LanesMax> scalars_;
  std::array<const crypto::X25519Scalar*, crypto::kX25519LanesMax> pointers_{};
  std::array<Bytes32, crypto::kX25519LanesMax> points_{};
  std::array<Bytes32, crypto::kX25519LanesMax> out_{};
};

}  // namespace pssst::test
