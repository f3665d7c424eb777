#include "identity/pages.hpp"

#include <sys/mman.h>

#include <new>

namespace pssst::identity {
namespace {

constexpr std::size_t kPageSize = 4096;
constexpr std::size_t kHugePageSize = std::size_t{2} << 20;

}  // namespace

Pages::Pages(std::size_t size) : size_((size + kPageSize - 1) / kPageSize * kPageSize) {
  void* const data =
      ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(data);
  // A wish: a kernel without huge pages refuses it, and nothing is lost but time.
  if (size_ >= kHugePageSize) static_cast<void>(::madvise(data_, size_, MADV_HUGEPAGE));
}

Pages::~Pages() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace pssst::identity
