// What derivation leaves on the stack must not hold the shared secret.
#include <gtest/gtest.h>

#include "crypto/reference.hpp"
#include "crypto/symmetric.hpp"
#include "support/own_stack.hpp"
#include "support/sanitizer.hpp"

namespace pssst::crypto {
namespace {

SymmetricEngine* engine_under_test;
std::vector<Bytes32>* secrets_under_test;

void hash_all() {
  const std::size_t n = secrets_under_test->size();
  std::vector<Bytes32> digests(n);
  std::vector<const Bytes32*> inputs;
  std::vector<Bytes32*> outputs;
  for (std::size_t i = 0; i < n; ++i) {
    inputs.push_back(&secrets_under_test->at(i));
    outputs.push_back(&digests[i]);
  }
  engine_under_test->sha256_pairs(inputs.data(), inputs.data(), outputs.data(), n);
}

TEST(SymmetricStackTest, DerivationLeavesNoSecret) {
  if (test::kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer rearranges the stack";
  auto engine = SymmetricEngine::create();
  ASSERT_TRUE(engine);
  engine_under_test = engine->get();
  test::SeededBytes random(50);
  for (const std::size_t n : {std::size_t{1}, std::size_t{2}, kX25519LanesMax}) {
    std::vector<Bytes32> secrets;
    for (std::size_t i = 0; i < n; ++i) secrets.push_back(random.bytes32());
    secrets_under_test = &secrets;
    test::OwnStack stack;
    const std::vector<std::uint8_t> left = stack.run(hash_all);
    // Half a secret would be enough of a leak.
    for (const Bytes32& secret : secrets) {
      EXPECT_FALSE(test::contains_bytes(left, std::span(secret).first<16>())) << n;
      EXPECT_FALSE(test::contains_bytes(left, std::span(secret).last<16>())) << n;
    }
  }
}

}  // namespace
}  // namespace pssst::crypto
