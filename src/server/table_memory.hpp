/// Where a worker's tables lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/assert.hpp"
#include "identity/pages.hpp"

namespace pssst::server {

/// One block for several tables, so that they share huge pages: a look-up in a table goes anywhere,
/// and with small pages it would wait longer for the page's address than for the entry.
class TableMemory {
 public:
  /// Touches all of it, so that nothing is left to do later. Throws std::bad_alloc.
  explicit TableMemory(std::size_t size);

  /// `count` new objects, each with its default value; `size` was enough for all.
  template <class T>
  [[nodiscard]] std::span<T> take(std::size_t count) {
    static_assert(sizeof(T) % kAlignment == 0 && alignof(T) <= kAlignment);
    PSSST_ASSERT(count <= left_.size() / sizeof(T));
    T* const objects = reinterpret_cast<T*>(left_.data());
    std::uninitialized_value_construct_n(objects, count);
    left_ = left_.subspan(count * sizeof(T));
    return {objects, count};
  }

 private:
  static constexpr std::size_t kAlignment = 64;

  identity::Pages pages_;
  std::span<std::uint8_t> left_;
};

}  // namespace pssst::server
