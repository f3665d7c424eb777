/// The static secrets X25519(s, C) of one thread, by server key and client.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/x25519.hpp"
#include "pssst/keys.hpp"

namespace pssst::protocol {

/// Bounded: where more clients call than there is room for, those that were put in first make room
/// in turn. In secret pages, all of which are allocated when it is made. An entry is in one of two
/// sets, which depend on public keys and a seed alone: the one that was emptier, so that a table
/// that is half full has lost nobody. Variable time in public keys, as all look-ups of clients.
class StaticSecrets {
 public:
  static constexpr std::size_t kWays = 8;

  /// Room for at least `capacity` secrets, or for none if that is 0. Throws std::bad_alloc.
  explicit StaticSecrets(std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return kWays * set_count_; }

  struct Pair {
    const PublicKey* server = nullptr;
    const std::uint8_t* client = nullptr;  ///< 32 bytes
  };
  /// found[i] = the secret of pairs[i], or null. Pointers are good until the next add(). The two
  /// spans have one length, at most kX25519LanesMax.
  void find(std::span<const Pair> pairs, std::span<const crypto::Bytes32*> found) const noexcept;

  /// Replaces the pair's own secret, or takes a free place, or that of a set's oldest entry.
  void add(const Pair& pair, const crypto::Bytes32& secret) noexcept;

  /// Wipes all.
  void clear() noexcept;

 private:
  struct Entry {
    crypto::Bytes32 server;
    crypto::Bytes32 client;
    crypto::Bytes32 secret;
  };
  struct Set {
    std::array<Entry, kWays> entries;
    std::uint8_t used;  ///< entries in use, from the first on
    std::uint8_t next;  ///< once all are: the oldest
  };
  struct PagesDeleter {
    std::size_t size;
    void operator()(Set* sets) const noexcept;
  };

  [[nodiscard]] std::array<std::size_t, 2> sets_of(const Pair& pair) const noexcept;
  [[nodiscard]] static std::size_t way_of(const Set& set, const Pair& pair) noexcept;
  [[nodiscard]] Entry& place_for(const Pair& pair) noexcept;

  std::size_t set_count_;  ///< a power of two, or 0
  std::unique_ptr<Set[], PagesDeleter> sets_{nullptr, PagesDeleter{0}};
  std::array<std::uint64_t, 8> seed_{};
};

}  // namespace pssst::protocol
