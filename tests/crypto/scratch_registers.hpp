/// What a generated function leaves in registers.
#pragma once

#include <array>
#include <cstdint>

namespace pssst::test {

/// The scratch registers but rdi after function(slots, 1); those that a call keeps are the callers'
/// own.
template <class Slots>
std::array<std::uint64_t, 8> registers_after(void (*function)(Slots*, std::uint64_t),
                                             Slots* slots) {
  std::array<std::uint64_t, 8> after{};
  std::uint64_t* out = after.data();
  std::uint64_t count = 1;
  __asm__ volatile(
      "subq $128, %%rsp\n\t"  // below the red zone
      "pushq %[out]\n\t"
      "call *%[function]\n\t"
      "popq %[out]\n\t"
      "addq $128, %%rsp\n\t"
      "movq %%rax, 0(%[out])\n\t"
      "movq %%rcx, 8(%[out])\n\t"
      "movq %%rdx, 16(%[out])\n\t"
      "movq %%rsi, 24(%[out])\n\t"
      "movq %%r8, 32(%[out])\n\t"
      "movq %%r9, 40(%[out])\n\t"
      "movq %%r10, 48(%[out])\n\t"
      "movq %%r11, 56(%[out])\n\t"
      : [out] "+b"(out), "+D"(slots), "+S"(count)
      : [function] "r"(function)
      : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
        "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15", "cc", "memory");
  return after;
}

}  // namespace pssst::test
