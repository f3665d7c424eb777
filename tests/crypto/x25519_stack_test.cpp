// What a multiplication leaves on the stack must not depend on what it computed.
#include <gtest/gtest.h>

#include "crypto/kernel_test.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"
#include "support/own_stack.hpp"
#include "support/sanitizer.hpp"

namespace pssst::crypto {
namespace {

// A function on a stack of its own gets no arguments.
const X25519Kernel* kernel_under_test;
test::Burst* burst_under_test;
std::vector<Bytes32>* expected_under_test;

class KernelStackTest : public test::KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (test::kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer rearranges the stack";
  }

  /// Random input for all lanes; the last lane is of small order.
  static void fill(std::uint64_t seed) {
    test::SeededBytes random(seed);
    for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
      const Bytes32 scalar = random.bytes32();
      const Bytes32 point = i == kX25519LanesMax - 1 ? Bytes32{} : random.bytes32();
      burst_under_test->set(i, scalar, point);
      expected_under_test->at(i) = test::reference_x25519(scalar, point);
    }
  }

  void expect_same_residue(void (*function)()) {
    test::Burst burst;
    std::vector<Bytes32> expected(kX25519LanesMax);
    kernel_under_test = &kernel();
    burst_under_test = &burst;
    expected_under_test = &expected;
    test::OwnStack stack;
    fill(40);
    stack.run(function);  // what happens once, such as symbol lookup, has happened then
    const std::vector<std::uint8_t> first = stack.run(function);
    fill(41);
    const std::vector<std::uint8_t> second = stack.run(function);
    std::size_t used = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      ASSERT_EQ(first[i], second[i]) << first.size() - i << " bytes below the stack's base";
      used += first[i] != 0xa5 ? 1 : 0;
    }
    EXPECT_GT(used, 4096u) << "nothing ran on that stack";
  }
};

INSTANTIATE_TEST_SUITE_P(X25519, KernelStackTest, testing::ValuesIn(test::kernel_names()),
                         test::kernel_name);

TEST_P(KernelStackTest, MultiplyLeavesNothing) {
  expect_same_residue(
      [] { static_cast<void>(burst_under_test->multiply(*kernel_under_test, kX25519LanesMax)); });
}

TEST_P(KernelStackTest, CheckLeavesNothing) {
  expect_same_residue(
      [] { static_cast<void>(burst_under_test->check(*kernel_under_test, *expected_under_test)); });
}

}  // namespace
}  // namespace pssst::crypto
