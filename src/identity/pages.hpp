/// Memory straight from the kernel, for what is large and comes and goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace pssst::identity {

/// Zeroed pages, huge ones where they fit and the kernel has them; given back to the kernel, not to
/// a heap in which what lives longer would hold them.
class Pages {
 public:
  /// Throws std::bad_alloc.
  explicit Pages(std::size_t size);
  Pages(Pages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  [[nodiscard]] std::uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace pssst::identity
