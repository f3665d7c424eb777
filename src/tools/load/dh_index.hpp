/// Finds a request by its dh.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pssst/wire.hpp"

namespace pssst::tools::load {

/// A hash table of fixed size over eight bytes of dh, which is as good as random. Whoever finds
/// something compares the whole: here only those eight bytes are kept.
class DhIndex {
 public:
  using Dh = std::span<const std::uint8_t, kDhSize>;

  /// Room for `size_max` of them.
  explicit DhIndex(std::size_t size_max);
  /// Of two with the same eight bytes the first is found.
  void insert(Dh dh, std::uint32_t value) noexcept;
  /// Takes out what insert(dh, value) put in.
  void erase(Dh dh, std::uint32_t value) noexcept;
  [[nodiscard]] std::optional<std::uint32_t> find(Dh dh) const noexcept;

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t value = kFree;
  };
  [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept { return key & mask_; }
  [[nodiscard]] std::size_t after(std::size_t i) const noexcept { return (i + 1) & mask_; }

  std::vector<Slot> slots_;
  std::size_t mask_;
  std::size_t size_ = 0;
  std::size_t size_max_;
};

}  // namespace pssst::tools::load
