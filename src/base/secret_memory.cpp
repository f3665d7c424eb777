#include "base/secret_memory.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <limits>

namespace pssst::base {
namespace {

std::atomic<bool> all_locked{true};

/// 0 if `size` is 0 or cannot be rounded up.
std::size_t round_to_pages(std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (size > std::numeric_limits<std::size_t>::max() - page) return 0;
  return (size + page - 1) / page * page;
}

}  // namespace

void wipe(void* data, std::size_t size) noexcept {
  if (size != 0) ::explicit_bzero(data, size);
}

[[gnu::noinline]] void wipe_stack() noexcept {
  std::uint8_t below[4096];
  wipe(below, sizeof below);
}

bool equal_constant_time(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) noexcept {
  std::uint64_t difference = 0;
  const auto compare = [&](std::size_t at, std::size_t n) noexcept {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, a + at, n);
    std::memcpy(&right, b + at, n);
    difference |= left ^ right;
    // Hidden from the compiler, which could otherwise leave the loop once a bit is set.
    __asm__("" : "+r"(difference));
  };
  std::size_t i = 0;
  for (; i + sizeof difference <= size; i += sizeof difference) compare(i, sizeof difference);
  for (; i < size; ++i) compare(i, 1);
  return difference == 0;
}

void* allocate_secret_pages(std::size_t size) {
  const std::size_t length = round_to_pages(size);
  if (length == 0) throw std::bad_alloc();
  void* pages = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  if (::madvise(pages, length, MADV_DONTDUMP) != 0) {
    ::munmap(pages, length);
    throw std::bad_alloc();
  }
  // An older kernel hands a child a copy, as with all of its memory.
  static_cast<void>(::madvise(pages, length, MADV_WIPEONFORK));
  if (::mlock(pages, length) != 0) all_locked.store(false, std::memory_order_relaxed);
  return pages;
}

void free_secret_pages(void* pages, std::size_t size) noexcept {
  if (pages == nullptr) return;
  const std::size_t length = round_to_pages(size);
  wipe(pages, length);
  ::munmap(pages, length);
}

bool all_secrets_locked() noexcept {
  return all_locked.load(std::memory_order_relaxed);
}

bool disable_core_dumps() noexcept {
  const rlimit none{0, 0};
  const bool limited = ::setrlimit(RLIMIT_CORE, &none) == 0;
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limited;
}

}  // namespace pssst::base
