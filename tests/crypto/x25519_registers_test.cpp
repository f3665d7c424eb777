// No vector register holds what a kernel has computed, nor does its rounding depend on the caller.
#include <gtest/gtest.h>
#include <immintrin.h>

#include <array>
#include <cstring>
#include <vector>

#include "crypto/proof_combs.hpp"
#include "crypto/proof_testing.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {
namespace {

using XmmRegisters = std::array<std::array<std::uint64_t, 2>, 16>;

/// xmm0 to xmm15 after function(a, b, c, n).
XmmRegisters registers_after(const void* function, const void* a, const void* b, void* c,
                             std::size_t n) {
  XmmRegisters after{};
  void* out = after.data();
#define PSSST_SAVE(n) "movdqu %%xmm" #n ", 16*" #n "(%[out])\n\t"
  __asm__ volatile(
      "subq $136, %%rsp\n\t"  // below the red zone; the call aligns the stack again
      "movq %%rsp, %%r12\n\t"
      "andq $-64, %%rsp\n\t"
      "call *%[function]\n\t"
      "movq %%r12, %%rsp\n\t"
      "addq $136, %%rsp\n\t"  //
      PSSST_SAVE(0) PSSST_SAVE(1) PSSST_SAVE(2) PSSST_SAVE(3) PSSST_SAVE(4) PSSST_SAVE(5)
          PSSST_SAVE(6) PSSST_SAVE(7) PSSST_SAVE(8) PSSST_SAVE(9) PSSST_SAVE(10) PSSST_SAVE(11)
              PSSST_SAVE(12) PSSST_SAVE(13) PSSST_SAVE(14) PSSST_SAVE(15)
      : "+D"(a), "+S"(b), "+d"(c), "+c"(n)
      : [function] "r"(function), [out] "b"(out)
      : "rax", "r8", "r9", "r10", "r11", "r12", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
        "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
        "memory");
#undef PSSST_SAVE
  return after;
}

/// A burst, and a client's table in both forms.
class KernelRegisters : public testing::Test {
 protected:
  KernelRegisters() {
    const Bytes32 key = test::honest_key(random_);
    for (const ProofForm form : {ProofForm::kCentredLimbs, ProofForm::kCanonical}) {
      EXPECT_TRUE(make_proof_table(key.data(), form, table(form)));
    }
    for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
      scalars_.at(i).assign(random_.bytes32());
      scalar_pointers_.at(i) = &scalars_.at(i);
      clamped_.at(i) = scalars_.at(i).clamped().data();
      points_.at(i) = key;
      expected_.at(i) = test::reference_x25519(scalars_.at(i).clamped(), key);
    }
  }
  ProofTable& table(ProofForm form) { return tables_.at(form == ProofForm::kCanonical ? 1 : 0); }
  [[nodiscard]] std::array<const ProofTable*, kX25519LanesMax> tables(ProofForm form) {
    std::array<const ProofTable*, kX25519LanesMax> pointers{};
    pointers.fill(&table(form));
    return pointers;
  }

  test::SeededBytes random_{90};
  std::array<ProofTable, 2> tables_;
  std::array<X25519Scalar, kX25519LanesMax> scalars_;
  std::array<const X25519Scalar*, kX25519LanesMax> scalar_pointers_{};
  std::array<const std::uint8_t*, kX25519LanesMax> clamped_{};
  std::array<Bytes32, kX25519LanesMax> points_{};
  std::array<Bytes32, kX25519LanesMax> expected_{};
  std::array<ProjectivePoint, kX25519LanesMax> results_{};
};

TEST_F(KernelRegisters, LaddersLeaveNoVectorRegister) {
  for (const X25519Kernel& kernel : x25519_kernels()) {
    if (!kernel.supported()) continue;
    // One lane by itself, full vectors and remainders of them.
    for (const std::size_t n : {1U, 4U, 5U, 6U, 8U, 13U}) {
      X25519Ladders* const ladders = kernel.plan.parts().front().ladders;
      const XmmRegisters after =
          registers_after(reinterpret_cast<const void*>(ladders), clamped_.data(), points_.data(),
                          results_.data(), n);
      EXPECT_EQ(after, XmmRegisters{}) << kernel.name << ", " << n << " lanes";
    }
  }
}

TEST_F(KernelRegisters, CombsAndChecksLeaveNoVectorRegister) {
  for (const ProofKernel* kernel : test::supported_proof_kernels()) {
    auto pointers = tables(kernel->form);
    for (const std::size_t n : {1U, 8U, 9U}) {
      const ProofKernel& k = *kernel;
      const X25519CheckResult result =
          k.check(scalar_pointers_.data(), pointers.data(), expected_.data(), n);
      EXPECT_EQ(result.equal, (LaneMask{1} << n) - 1) << k.name;
      EXPECT_EQ(registers_after(reinterpret_cast<const void*>(k.check), scalar_pointers_.data(),
                                pointers.data(), expected_.data(), n),
                XmmRegisters{})
          << k.name << ", " << n << " lanes";
    }
  }
  auto pointers = tables(ProofForm::kCentredLimbs);
  EXPECT_EQ(registers_after(reinterpret_cast<const void*>(&proof_combs_portable), clamped_.data(),
                            pointers.data(), results_.data(), 3),
            XmmRegisters{});
}

/// MXCSR values: rounding down, up and to zero; denormals flushed and taken as zero; each exception
/// taken where that is not to nearest.
constexpr std::array<unsigned, 6> kModes{0x3f80, 0x5f80, 0x7f80, 0x9fc0, 0xffc0, 0x0f80};

TEST_F(KernelRegisters, TheCallersRoundingModeChangesNothing) {
  const unsigned before = _mm_getcsr();
  for (const X25519Kernel& kernel : x25519_kernels()) {
    if (!kernel.supported()) continue;
    for (const unsigned mode : kModes) {
      for (const std::size_t n : {4U, 5U, 13U}) {
        std::array<Bytes32, kX25519LanesMax> out{};
        _mm_setcsr(mode);
        static_cast<void>(kernel.multiply(scalar_pointers_.data(), points_.data(), out.data(), n));
        const unsigned after = _mm_getcsr();
        _mm_setcsr(before);
        EXPECT_EQ(after, mode) << kernel.name;
        for (std::size_t i = 0; i < n; ++i) {
          EXPECT_EQ(out.at(i), expected_.at(i)) << kernel.name << ", MXCSR " << mode;
        }
      }
    }
  }
}

TEST_F(KernelRegisters, TheCallersRoundingModeChangesNoProof) {
  const unsigned before = _mm_getcsr();
  for (const ProofKernel* kernel : test::supported_proof_kernels()) {
    auto pointers = tables(kernel->form);
    for (const unsigned mode : kModes) {
      _mm_setcsr(mode);
      const X25519CheckResult result = kernel->check(scalar_pointers_.data(), pointers.data(),
                                                     expected_.data(), kX25519LanesMax);
      const unsigned after = _mm_getcsr();
      _mm_setcsr(before);
      EXPECT_EQ(after, mode) << kernel->name;
      EXPECT_EQ(result.equal, ~LaneMask{0}) << kernel->name << ", MXCSR " << mode;
    }
  }
}

}  // namespace
}  // namespace pssst::crypto
