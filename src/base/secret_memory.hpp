/// Memory for secrets: locked, left out of core dumps and of forked children, wiped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace pssst::base {

/// Zeroes `size` bytes; not optimised away.
void wipe(void* data, std::size_t size) noexcept;

template <class T>
void wipe_object(T& object) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  wipe(&object, sizeof object);
}

/// Zeroes the 4 KiB of stack below the caller's frame: what functions that it has called (and that
/// were not inlined into it) left there. Vector and general registers keep what they have.
void wipe_stack() noexcept;

/// Compares in time that depends on `size` alone.
[[nodiscard]] bool equal_constant_time(const std::uint8_t* a, const std::uint8_t* b,
                                       std::size_t size) noexcept;

/// Page-aligned zeroed pages, kept out of core dumps (MADV_DONTDUMP), zero in forked children
/// (MADV_WIPEONFORK, Linux 4.14) and locked where RLIMIT_MEMLOCK lets them be. Throws
/// std::bad_alloc; also where the kernel cannot keep them out of core dumps.
[[nodiscard]] void* allocate_secret_pages(std::size_t size);
/// Wipes and unmaps.
void free_secret_pages(void* pages, std::size_t size) noexcept;
/// False once any allocate_secret_pages() could not lock: the operator is told to raise memlock.
[[nodiscard]] bool all_secrets_locked() noexcept;

/// No core dumps and no ptrace by others of one's own user (PR_SET_DUMPABLE 0, RLIMIT_CORE 0).
/// False if the kernel refused.
[[nodiscard]] bool disable_core_dumps() noexcept;

template <class T>
struct SecretDeleter {
  void operator()(T* object) const noexcept {
    object->~T();
    free_secret_pages(object, sizeof(T));
  }
};

template <class T>
using SecretPointer = std::unique_ptr<T, SecretDeleter<T>>;

/// A T in secret pages of its own: for few, long-lived objects.
template <class T, class... Args>
[[nodiscard]] SecretPointer<T> make_secret(Args&&... args) {
  static_assert(std::is_nothrow_constructible_v<T, Args...>);
  void* pages = allocate_secret_pages(sizeof(T));
  return SecretPointer<T>(::new (pages) T(std::forward<Args>(args)...));
}

template <class T>
struct SecretArrayDeleter {
  std::size_t size = 0;  ///< of the array
  void operator()(T* array) const noexcept { free_secret_pages(array, size * sizeof(T)); }
};

template <class T>
using SecretArray = std::unique_ptr<T[], SecretArrayDeleter<T>>;

/// `size` Ts in secret pages of their own; null for none. Throws std::bad_alloc for more than there
/// can be.
template <class T>
[[nodiscard]] SecretArray<T> make_secret_array(std::size_t size) {
  static_assert(std::is_nothrow_default_constructible_v<T> && std::is_trivially_destructible_v<T>);
  if (size == 0) return nullptr;
  if (size > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
  T* const array = static_cast<T*>(allocate_secret_pages(size * sizeof(T)));
  for (std::size_t i = 0; i < size; ++i) ::new (array + i) T();
  return SecretArray<T>(array, {size});
}

}  // namespace pssst::base
