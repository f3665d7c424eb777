/// AES-128-GCM over IPsec-MB, and SHA-256: what a suite needs beside X25519.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "crypto/sha256.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kAesKeySize = 16;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

/// Expanded keys that an engine holds at once: one for each lane of a burst, and one beside.
inline constexpr std::size_t kKeySlots = kX25519LanesMax + 1;

/// One per thread: it owns a Sha256Engine and expanded keys, and is not thread-safe. Allocates
/// when made, never afterwards. All secrets it holds are wiped on destruction.
class SymmetricEngine {
 public:
  /// Fails where the CPU lacks AES-NI, PCLMULQDQ or SSE4.2, the library's self-test did not pass,
  /// or Sha256Engine has no such kernel; an empty name is its best.
  static base::Result<std::unique_ptr<SymmetricEngine>> create(std::string_view sha256_kernel = {});
  SymmetricEngine(const SymmetricEngine&) = delete;
  SymmetricEngine& operator=(const SymmetricEngine&) = delete;
  ~SymmetricEngine();

  [[nodiscard]] Sha256Engine& sha256() noexcept;

  /// Expands a key into a slot, below kKeySlots, for seal() and open(), until the slot's next
  /// set_key() or clear_keys(). Next to no work if the slot holds that very key. `text_size`: bytes
  /// that will be sealed or opened with it, as far as is known; only speed depends on it.
  void set_key(std::size_t slot, std::span<const std::uint8_t, kAesKeySize> key,
               std::size_t text_size) noexcept;
  /// Wipes all slots.
  void clear_keys() noexcept;

  /// AES-128-GCM (SP 800-38D) with a slot's key, 96-bit nonce, 128-bit tag. `in` and `out` have n
  /// bytes and may be one and the same; they do not overlap otherwise.
  void seal(std::size_t slot, std::span<const std::uint8_t, kGcmNonceSize> nonce,
            std::span<const std::uint8_t> aad, const std::uint8_t* in, std::size_t n,
            std::uint8_t* out, std::span<std::uint8_t, kGcmTagSize> tag) noexcept;
  /// False, and n zeros in `out`, if the tag is wrong. The comparison is constant time.
  [[nodiscard]] bool open(std::size_t slot, std::span<const std::uint8_t, kGcmNonceSize> nonce,
                          std::span<const std::uint8_t> aad, const std::uint8_t* in, std::size_t n,
                          std::span<const std::uint8_t, kGcmTagSize> tag,
                          std::uint8_t* out) noexcept;

  /// "AVX512", "AVX2", "SSE": the library's architecture for GCM of that many bytes.
  [[nodiscard]] std::string_view gcm_architecture(std::size_t text_size) const noexcept;

 private:
  struct Impl;
  struct ImplDeleter {
    void operator()(Impl* impl) const noexcept;
  };
  explicit SymmetricEngine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept;
  std::unique_ptr<Impl, ImplDeleter> impl_;
};

}  // namespace pssst::crypto
