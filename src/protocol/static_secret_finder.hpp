/// The static secrets of a burst's client-authenticated lanes of suite 0xF002: from the table, and
/// for clients that it does not hold by multiplication.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/x25519.hpp"
#include "protocol/static_secrets.hpp"
#include "pssst/handler.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/server.hpp"

namespace pssst::protocol {

/// Scratch memory and table of one thread, to be kept in secret pages.
class StaticSecretFinder {
 public:
  /// `kernel` outlives it.
  StaticSecretFinder(const crypto::X25519Kernel& kernel, StaticSecrets&& table) noexcept;

  /// secrets[i] = X25519(s, C) of lane lanes[i], whose C is opened; what the table lacks is
  /// multiplied at once and put into it. A lane whose client is unknown gets a secret that nobody
  /// knows, after the same look-up. The pointers are good until wipe().
  void find(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
            std::span<const crypto::Bytes32*> secrets) noexcept;
  void wipe(std::size_t n) noexcept;

  /// Puts X25519(s, C) of these clients, at most kBurstLanesMax, into the table.
  void prepare(const ServerKey& key, std::span<const Identity> clients) noexcept;
  void clear() noexcept { table_.clear(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return table_.capacity(); }
  [[nodiscard]] const StaticSecretCounts& counts() const noexcept { return counts_; }

 private:
  template <class T>
  using Lanes = std::array<T, kBurstLanesMax>;

  void add_miss(std::size_t place, const ServerKey& key) noexcept;
  void multiply_misses() noexcept;

  const crypto::X25519Kernel& kernel_;
  StaticSecrets table_;
  StaticSecretCounts counts_;
  Lanes<StaticSecrets::Pair> pairs_{};
  Lanes<const crypto::Bytes32*> found_{};
  Lanes<const crypto::X25519Scalar*> scalars_{};
  Lanes<std::size_t> places_{};  ///< of the misses in `pairs_`
  std::size_t misses_ = 0;
  // Secret.
  crypto::Bytes32 dummy_{};
  alignas(64) Lanes<crypto::Bytes32> points_{};
  alignas(64) Lanes<crypto::Bytes32> products_{};
  alignas(64) Lanes<crypto::Bytes32> secrets_{};
};

}  // namespace pssst::protocol
