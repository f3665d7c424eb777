/// What code leaves on the stack.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace pssst::test {

/// Runs functions on a stack of its own, at one address, that holds a known pattern before.
/// makecontext() hands them no pointers: they find their input in variables. Not under
/// AddressSanitizer, which rearranges stacks.
class OwnStack {
 public:
  OwnStack()
      : memory_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  OwnStack(const OwnStack&) = delete;
  OwnStack& operator=(const OwnStack&) = delete;
  ~OwnStack() { ::munmap(memory_, kSize); }

  /// The stack's bytes after `function` has returned.
  std::vector<std::uint8_t> run(void (*function)()) {
    std::memset(memory_, 0xa5, kSize);
    ucontext_t here{};
    ucontext_t there{};
    ::getcontext(&there);
    there.uc_stack.ss_sp = memory_;
    there.uc_stack.ss_size = kSize;
    there.uc_link = &here;
    ::makecontext(&there, function, 0);
    ::swapcontext(&here, &there);
    return {memory_, memory_ + kSize};
  }

 private:
  static constexpr std::size_t kSize = 1 << 18;
  std::uint8_t* memory_;
};

/// True if `secret` stands anywhere in `memory`.
inline bool contains_bytes(std::span<const std::uint8_t> memory,
                           std::span<const std::uint8_t> secret) {
  return std::search(memory.begin(), memory.end(), secret.begin(), secret.end()) != memory.end();
}

}  // namespace pssst::test
