// What a check by table leaves on the stack must not depend on what it computed.
#include <gtest/gtest.h>

#include "crypto/proof_testing.hpp"
#include "support/own_stack.hpp"
#include "support/sanitizer.hpp"

namespace pssst::crypto {
namespace {

// A function on a stack of its own gets no arguments.
struct {
  const ProofKernel* kernel = nullptr;
  ProofTable table;
  std::array<X25519Scalar, kX25519LanesMax> scalars;
  std::array<const X25519Scalar*, kX25519LanesMax> scalar_pointers{};
  std::array<const ProofTable*, kX25519LanesMax> tables{};
  std::array<Bytes32, kX25519LanesMax> expected{};
  LaneMask equal = 0;
} input;

void check_all() {
  input.equal = input.kernel
                    ->check(input.scalar_pointers.data(), input.tables.data(),
                            input.expected.data(), kX25519LanesMax)
                    .equal;
}

void fill(const Bytes32& key, std::uint64_t seed) {
  test::SeededBytes random(seed);
  for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
    const Bytes32 e = random.bytes32();
    input.scalars.at(i).assign(e);
    input.scalar_pointers.at(i) = &input.scalars.at(i);
    input.tables.at(i) = &input.table;
    input.expected.at(i) = test::reference_x25519(e, key);
  }
}

TEST(ProofStack, CheckLeavesNothing) {
  if (test::kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer rearranges the stack";
  test::SeededBytes random(62);
  const Bytes32 key = test::honest_key(random);
  test::OwnStack stack;
  for (const ProofKernel* kernel : test::supported_proof_kernels()) {
    input.kernel = kernel;
    ASSERT_TRUE(make_proof_table(key.data(), kernel->form, input.table));
    fill(key, 66);
    stack.run(check_all);  // what happens once, such as symbol lookup, has happened then
    const std::vector<std::uint8_t> first = stack.run(check_all);
    fill(key, 67);
    const std::vector<std::uint8_t> second = stack.run(check_all);
    EXPECT_EQ(input.equal, ~LaneMask{0});
    std::size_t used = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      ASSERT_EQ(first[i], second[i])
          << kernel->name << ", " << first.size() - i << " bytes below the stack's base";
      used += first[i] != 0xa5 ? 1 : 0;
    }
    EXPECT_GT(used, 4096U) << "nothing ran on that stack";
  }
}

}  // namespace
}  // namespace pssst::crypto
