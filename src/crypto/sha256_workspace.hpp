/// What stands between Sha256Engine, which gathers messages, and the kernels, which hash them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/sha256.hpp"

struct IMB_MGR;

namespace pssst::crypto {

/// FIPS 180-4, section 5.3.3.
inline constexpr std::array<std::uint32_t, 8> kSha256InitialState{
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Secret in all but the manager and sizes; wiped after each batch.
struct Sha256Workspace {
  template <class T>
  using Lanes = std::array<T, kX25519LanesMax>;

  /// Where a lane's blocks begin: its message, padded (FIPS 180-4, section 5.1.1), or its key and
  /// zeros behind.
  [[nodiscard]] std::uint8_t* lane(std::size_t i) noexcept { return blocks.data() + i * lane_size; }

  alignas(64) std::array<std::uint8_t, kX25519LanesMax*(kLaneMessageSizeMax + 9)> blocks;
  alignas(64) Lanes<std::array<std::uint32_t, 8>> states;
  Lanes<std::array<std::uint8_t, kSha256Size>> digests;
  std::size_t lane_size = 0;   ///< bytes of each lane's blocks, which lie side by side
  IMB_MGR* manager = nullptr;  ///< for the kernel that uses it
};

/// A kernel's functions: those of Sha256Engine, with the input gathered in the workspace.
struct Sha256Functions {
  void (*hash)(Sha256Workspace& workspace, std::size_t size, std::uint8_t* const* digests,
               std::size_t n) noexcept;
  void (*make_hmac_keys)(Sha256Workspace& workspace, HmacKey* const* out, std::size_t n) noexcept;
  void (*hmac)(Sha256Workspace& workspace, const HmacKey* const* keys, std::size_t size,
               std::uint8_t* const* macs, std::size_t mac_size, std::size_t n) noexcept;
};

extern const Sha256Functions sha256_over_ipsec_mb;

}  // namespace pssst::crypto
