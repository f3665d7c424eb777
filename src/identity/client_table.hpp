/// The enrolled clients in memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pssst/handler.hpp"
#include "pssst/server.hpp"

namespace pssst::identity {

/// Immutable after construction; exact 32-byte match by open addressing at a load of at most one
/// half, the slots of a burst prefetched before the first is compared. The hash is seeded, so that
/// nobody can choose keys that share a slot. Variable time: client public keys are public.
class ClientTable final : public ClientLookup {
 public:
  /// Of two identities with one key the first counts.
  explicit ClientTable(std::vector<Identity> identities);

  void find(std::span<const std::uint8_t* const> keys,
            std::span<FoundClient> found) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept { return identities_.size(); }
  /// All of them, in the order in which they were given.
  [[nodiscard]] std::span<const Identity> identities() const noexcept { return identities_; }

 private:
  [[nodiscard]] std::size_t first_slot(const std::uint8_t* key) const noexcept;
  [[nodiscard]] const Identity* find_from(std::size_t slot, const std::uint8_t* key) const noexcept;

  std::vector<Identity> identities_;
  std::array<std::uint64_t, 4> seed_{};
  std::vector<std::uint32_t> slots_;  ///< index + 1 into identities_, 0: free
  std::size_t slot_mask_ = 0;
};

}  // namespace pssst::identity
