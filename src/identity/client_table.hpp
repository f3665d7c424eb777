/// The enrolled clients in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "pssst/server.hpp"

namespace pssst::identity {

/// Immutable after construction; exact 32-byte match by open addressing, the slots of a burst
/// prefetched before the first is compared.
class ClientTable final : public ClientLookup {
 public:
  explicit ClientTable(std::vector<Identity> identities);

  void find(std::span<const std::uint8_t* const> keys,
            std::span<const Identity*> found) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept { return identities_.size(); }

 private:
  [[nodiscard]] std::size_t first_slot(const std::uint8_t* key) const noexcept;
  std::vector<Identity> identities_;
  std::vector<std::uint32_t> slots_;  ///< index + 1 into identities_, 0: free
  std::size_t slot_mask_ = 0;
};

/// One public key of 64 hexadecimal digits per line; blank lines and what follows '#' are skipped.
/// A bad line, a key that fails check_public_key() and a key that stands twice are errors that name
/// their line: all of them are reported, not only the first.
base::Result<std::vector<Identity>> read_client_list(const std::string& path);

}  // namespace pssst::identity
