#include "server/table_memory.hpp"

#include <algorithm>

namespace pssst::server {
namespace {

constexpr std::size_t kHugePageSize = std::size_t{2} << 20;

}  // namespace

TableMemory::TableMemory(std::size_t size) : pages_(size + kHugePageSize) {
  // A huge page begins where its size divides the address, and the kernel may map anywhere.
  const auto address = reinterpret_cast<std::uintptr_t>(pages_.data());
  const std::size_t skipped = (kHugePageSize - address % kHugePageSize) % kHugePageSize;
  left_ = std::span(pages_.data() + skipped, size);
  std::ranges::fill(left_, std::uint8_t{0});
}

}  // namespace pssst::server
