/// SHA-256 and AES-128-GCM over IPsec-MB. The only code that sees that library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kAesKeySize = 16;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

/// One per thread: it owns two IPsec-MB managers and an expanded key, and is not thread-safe.
/// Allocates when made, never afterwards. All secrets it holds are wiped on destruction.
class SymmetricEngine {
 public:
  /// Fails where the CPU lacks AES-NI, PCLMULQDQ or SSE4.2, or the library's self-test did not
  /// pass.
  static base::Result<std::unique_ptr<SymmetricEngine>> create();
  SymmetricEngine(const SymmetricEngine&) = delete;
  SymmetricEngine& operator=(const SymmetricEngine&) = delete;
  ~SymmetricEngine();

  /// digests[i] = SHA-256(first[i] || second[i]) (FIPS 180-4), 64 bytes each, n at most
  /// kX25519LanesMax. Constant time.
  void sha256_pairs(const Bytes32* const* first, const Bytes32* const* second,
                    Bytes32* const* digests, std::size_t n) noexcept;

  /// Expands the key that seal() and open() use until the next set_key() or clear_key().
  void set_key(std::span<const std::uint8_t, kAesKeySize> key) noexcept;
  void clear_key() noexcept;

  /// AES-128-GCM (SP 800-38D), 96-bit nonce, 128-bit tag. `in` and `out` have n bytes and may be
  /// one and the same; they do not overlap otherwise.
  void seal(std::span<const std::uint8_t, kGcmNonceSize> nonce, std::span<const std::uint8_t> aad,
            const std::uint8_t* in, std::size_t n, std::uint8_t* out,
            std::span<std::uint8_t, kGcmTagSize> tag) noexcept;
  /// False, and n zeros in `out`, if the tag is wrong. The comparison is constant time.
  [[nodiscard]] bool open(std::span<const std::uint8_t, kGcmNonceSize> nonce,
                          std::span<const std::uint8_t> aad, const std::uint8_t* in, std::size_t n,
                          std::span<const std::uint8_t, kGcmTagSize> tag,
                          std::uint8_t* out) noexcept;

  /// "AVX512", "AVX2", "SSE": the library's architecture for GCM and for SHA-256.
  [[nodiscard]] std::string_view gcm_architecture() const noexcept;
  [[nodiscard]] std::string_view sha256_architecture() const noexcept;

 private:
  struct Impl;
  struct ImplDeleter {
    void operator()(Impl* impl) const noexcept;
  };
  explicit SymmetricEngine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept;
  std::unique_ptr<Impl, ImplDeleter> impl_;
};

}  // namespace pssst::crypto
