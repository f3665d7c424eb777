/// Precomputed tables of recently seen clients (crypto/proof_table.hpp), in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/proof_table.hpp"
#include "crypto/x25519.hpp"

namespace pssst::protocol {

/// Owned by one thread. Keyed by the 32 bytes of a client's public key, so that it needs not know
/// of snapshots: the table of a key that is enrolled no more is never asked for again. All memory
/// is allocated, and touched, when it is made.
///
/// Only a right proof brings a key in, so nobody outside the enrolled clients can choose what is
/// kept (a replay of a client's request counts as one of its own). A table is made at a key's
/// second right proof, if its first is still remembered. Each set of eight keys counts the right
/// proofs by its tables; a new key takes the place of one that was not used of late, and otherwise
/// only makes the others a little older. So a client that calls at least as often as newcomers
/// arrive in its set keeps its place, and where more clients call than there is room for, most
/// newcomers cost nothing.
///
/// Variable time: client public keys are public; which client calls is seen by whoever sees this
/// process's memory accesses.
class ProofCache {
 public:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kBytesPerTable = sizeof(crypto::ProofTable) + 48;

  /// As many sets as fit `memory` bytes, perhaps none; tables of this form. Throws std::bad_alloc.
  ProofCache(std::size_t memory, crypto::ProofForm form);

  /// Tables that it can hold.
  [[nodiscard]] std::size_t capacity() const noexcept { return kWays * set_count_; }
  /// Bytes allocated; at most what it was given.
  [[nodiscard]] std::size_t memory() const noexcept;

  /// found[i] = the table of the key whose 32 bytes are at keys[i], or null. The two spans have one
  /// length. Tables stay where they are until the next add().
  void find(std::span<const std::uint8_t* const> keys,
            std::span<const crypto::ProofTable*> found) const noexcept;

  /// By this table, which find() gave, a proof was found right. Wrong ones do not count: whoever
  /// knows a key can send them.
  void count_use(const crypto::ProofTable* table) noexcept;

  /// This key, which has no table, was proved right. Whether it should be given one now.
  [[nodiscard]] bool remember(const std::uint8_t* key) noexcept;

  /// Makes the key's table if there is a place for it; costs about a multiplication by the portable
  /// kernel. False if nothing was made.
  bool add(const std::uint8_t* key) noexcept;

 private:
  struct alignas(64) Set {
    std::array<std::uint32_t, kWays> tag;   ///< of the tables; 0: free
    std::array<std::uint32_t, kWays> seen;  ///< tags of keys that were proved once, oldest replaced
    std::array<crypto::Bytes32, kWays> key;
    std::array<std::uint8_t, kWays> uses;
    std::uint8_t seen_next;
  };
  static_assert(kWays * kBytesPerTable == kWays * sizeof(crypto::ProofTable) + sizeof(Set));
  struct Place {
    std::size_t set;
    std::uint32_t tag;
  };
  struct PagesDeleter {
    std::size_t size;
    void operator()(std::uint8_t* pages) const noexcept;
  };

  [[nodiscard]] Place place_of(const std::uint8_t* key) const noexcept;
  /// kWays if the key has no table.
  [[nodiscard]] static std::size_t find_way(const Set& set, std::uint32_t tag,
                                            const std::uint8_t* key) noexcept;
  /// The way to use for a newcomer, or kWays, and then all of the set have aged.
  [[nodiscard]] static std::size_t make_room(Set& set) noexcept;

  std::size_t set_count_;
  crypto::ProofForm form_;
  std::unique_ptr<std::uint8_t, PagesDeleter> pages_;
  crypto::ProofTable* tables_ = nullptr;  ///< kWays for each set
  Set* sets_ = nullptr;
  std::array<std::uint64_t, 4> seed_{};
};

}  // namespace pssst::protocol
