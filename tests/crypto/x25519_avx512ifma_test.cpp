// The generated step of the AVX-512 IFMA kernel on this CPU, against the model of its instructions;
// that the model computes the formulas is proven by x25519_avx512ifma_bounds_test.py and, like all
// that the kernel makes of it, tested in x25519_test.cpp and x25519_vectors_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "crypto/x25519.hpp"
#include "crypto/x25519_avx512ifma_model.hpp"

namespace pssst::crypto {
namespace {

constexpr std::size_t kElementSlots = kIfmaSlotSelect + 1;  // what a step promises about memory

struct alignas(64) Slots {
  std::uint64_t word[kIfmaSlots][kIfmaLanes];
};

using Function = void(std::uint64_t (*)[8], std::uint64_t, std::uint64_t (*)[8]);
using Model = void(IfmaLanes*, std::uint64_t, IfmaLanes*) noexcept;

/// Reduced elements whose limbs are at the ends of their ranges or within, with anything in the
/// bits that do not count.
Slots random_slots(std::mt19937_64& random) {
  Slots slots{};
  for (std::size_t slot = 0; slot < kIfmaSlotSelect; ++slot) {
    const bool top = slot % 5 == 4;
    const std::uint64_t end = std::uint64_t{1} << (top ? 47 : 52);
    const std::array<std::uint64_t, 3> ends{0, 1, end - 1};
    for (std::uint64_t& word : slots.word[slot]) {
      word = random() % 2 == 0 ? ends.at(random() % 3) : random() % end;
      if (top) word += random() % 2 == 0 ? 0x1fff : 0;
      if (!top) word |= random() << 52;
    }
  }
  for (std::uint64_t& word : slots.word[kIfmaSlotSelect]) word = random();
  return slots;
}

class Avx512IfmaStep : public testing::Test {
 protected:
  void SetUp() override {
    if (select_x25519_kernel("avx512ifma") == nullptr) GTEST_SKIP() << "this CPU has no IFMA";
  }

  /// One vector alone and two in turn.
  static void expect_like_model(Function* function, Model* model, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < 300; ++i) {
      std::array<Slots, 2> native{random_slots(random), random_slots(random)};
      std::array<Slots, 2> modelled = native;
      const std::uint64_t count = 1 + random() % 5;
      function(native.front().word, count, native.at(i % 2).word);
      model(modelled.front().word, count, modelled.at(i % 2).word);
      expect_same(native.front(), modelled.front());
      expect_same(native.back(), modelled.back());
      if (HasFatalFailure()) return;
    }
  }

  static void expect_same(const Slots& native, const Slots& modelled) {
    for (std::size_t slot = 0; slot < kElementSlots; ++slot) {
      for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) {
        ASSERT_EQ(native.word[slot][lane], modelled.word[slot][lane]) << slot << ", " << lane;
      }
    }
  }
};

TEST_F(Avx512IfmaStep, LadderStepsDoWhatTheModelDoes) {
  expect_like_model(x25519_avx512ifma_ladder_steps, x25519_avx512ifma_model_ladder_steps, 60);
}

TEST_F(Avx512IfmaStep, DoublingsDoWhatTheModelDoes) {
  expect_like_model(x25519_avx512ifma_doublings, x25519_avx512ifma_model_doublings, 61);
}

struct alignas(64) Registers {
  std::uint64_t zmm[32][8];
  std::uint64_t mask;
};

/// What the vector registers hold after a call.
void call_and_save(Function* function, std::uint64_t (*slots)[8], Registers& after) {
  std::uint64_t* out = after.zmm[0];
  std::uint64_t count = 1;
  auto* second = slots;
#define PSSST_SAVE(n) "vmovdqu64 %%zmm" #n ", 64*" #n "(%[out])\n\t"
  __asm__ volatile(
      "subq $128, %%rsp\n\t"  // below the red zone
      "pushq %[out]\n\t"
      "call *%[function]\n\t"
      "popq %[out]\n\t"
      "addq $128, %%rsp\n\t"  //
      PSSST_SAVE(0) PSSST_SAVE(1) PSSST_SAVE(2) PSSST_SAVE(3) PSSST_SAVE(4) PSSST_SAVE(5)
      PSSST_SAVE(6) PSSST_SAVE(7) PSSST_SAVE(8) PSSST_SAVE(9) PSSST_SAVE(10) PSSST_SAVE(11)
      PSSST_SAVE(12) PSSST_SAVE(13) PSSST_SAVE(14) PSSST_SAVE(15) PSSST_SAVE(16) PSSST_SAVE(17)
      PSSST_SAVE(18) PSSST_SAVE(19) PSSST_SAVE(20) PSSST_SAVE(21) PSSST_SAVE(22) PSSST_SAVE(23)
      PSSST_SAVE(24) PSSST_SAVE(25) PSSST_SAVE(26) PSSST_SAVE(27) PSSST_SAVE(28) PSSST_SAVE(29)
      PSSST_SAVE(30) PSSST_SAVE(31)
      "kmovw %%k1, 2048(%[out])\n\t"
      "vzeroupper\n\t"
      : [out] "+b"(out), "+D"(slots), "+S"(count), "+d"(second)
      : [function] "r"(function)
      : "rax", "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
        "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15", "cc", "memory");
#undef PSSST_SAVE
}

TEST_F(Avx512IfmaStep, VectorRegistersComeBackZero) {
  for (const auto function : {x25519_avx512ifma_ladder_steps, x25519_avx512ifma_doublings}) {
    std::mt19937_64 random(62);
    Slots slots = random_slots(random);
    const Slots before = slots;
    Registers after{};
    call_and_save(function, slots.word, after);
    for (const auto& zmm : after.zmm) {
      for (const std::uint64_t word : zmm) EXPECT_EQ(word, 0u);
    }
    EXPECT_EQ(after.mask & 0xffff, 0u);
    EXPECT_NE(std::memcmp(&before, &slots, sizeof slots), 0);
  }
}

}  // namespace
}  // namespace pssst::crypto
