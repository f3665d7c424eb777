#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/kernel_test.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"
#include "support/vectors.hpp"

namespace pssst::crypto {
namespace {

using test::Burst;
using test::bytes_of_size;

class KernelVectorsTest : public test::KernelTest {};
INSTANTIATE_TEST_SUITE_P(X25519, KernelVectorsTest, testing::ValuesIn(test::kernel_names()),
                         test::kernel_name);

Bytes32 multiply_one(const X25519Kernel& kernel, const Bytes32& scalar, const Bytes32& point) {
  const X25519Scalar clamped(scalar);
  const X25519Scalar* const scalars[] = {&clamped};
  Bytes32 out{};
  static_cast<void>(kernel.multiply(scalars, &point, &out, 1));
  return out;
}

std::string multiply_hex(const X25519Kernel& kernel, const char* scalar, const char* point) {
  return base::to_hex(multiply_one(kernel, bytes_of_size<32>(scalar), bytes_of_size<32>(point)));
}

// RFC 7748, section 5.2
TEST_P(KernelVectorsTest, Rfc7748SingleMultiplications) {
  EXPECT_EQ(
      multiply_hex(kernel(), "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(
      multiply_hex(kernel(), "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                   "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

// RFC 7748, section 5.2; the value for 1,000,000 iterations would take a minute.
TEST_P(KernelVectorsTest, Rfc7748Iterations) {
  Bytes32 scalar = test::small_value(9);
  Bytes32 point = scalar;
  for (int i = 1; i <= 1000; ++i) {
    const Bytes32 result = multiply_one(kernel(), scalar, point);
    point = scalar;
    scalar = result;
    if (i == 1) {
      EXPECT_EQ(base::to_hex(scalar),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(base::to_hex(scalar),
            "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

// RFC 7748, section 6.1
TEST_P(KernelVectorsTest, Rfc7748DiffieHellman) {
  const char* const base_point = "0900000000000000000000000000000000000000000000000000000000000000";
  const char* const alice_private =
      "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
  const char* const alice_public =
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
  const char* const bob_private =
      "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
  const char* const bob_public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
  const char* const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(multiply_hex(kernel(), alice_private, base_point), alice_public);
  EXPECT_EQ(multiply_hex(kernel(), bob_private, base_point), bob_public);
  EXPECT_EQ(multiply_hex(kernel(), alice_private, bob_public), shared);
  EXPECT_EQ(multiply_hex(kernel(), bob_private, alice_public), shared);
}

/// The lanes around the one that is tested: random ones, and each third of small order.
class Neighbours {
 public:
  Neighbours() {
    test::SeededBytes random(11);
    const std::vector<Bytes32> small = test::small_order_points();
    for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
      scalars_.push_back(random.bytes32());
      points_.push_back(i % 3 == 2 ? small[i % small.size()] : random.bytes32());
      results_.push_back(test::reference_x25519(scalars_[i], points_[i]));
    }
  }

  /// Puts the tested lane at `position` among n - 1 neighbours, and compares all n.
  void expect(const X25519Kernel& kernel, const Bytes32& scalar, const Bytes32& point,
              const Bytes32& result, std::size_t position, std::size_t n) const {
    Burst burst;
    LaneMask zero_lanes = 0;
    const auto expected = [&](std::size_t i) -> const Bytes32& {
      return i == position ? result : results_[i];
    };
    for (std::size_t i = 0; i < n; ++i) {
      burst.set(i, i == position ? scalar : scalars_[i], i == position ? point : points_[i]);
      zero_lanes |= LaneMask{expected(i) == Bytes32{} ? 1u : 0u} << i;
    }
    ASSERT_EQ(burst.multiply(kernel, n), zero_lanes) << position << " of " << n;
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(burst.out(i), expected(i))
          << "lane " << i << ", tested " << position << " of " << n;
    }
  }

 private:
  std::vector<Bytes32> scalars_;
  std::vector<Bytes32> points_;
  std::vector<Bytes32> results_;
};

// Both "valid" and "acceptable": the latter are non-canonical, twist and small-order points, for
// which the result is defined all the same, and zero in 31 cases.
TEST_P(KernelVectorsTest, WycheproofInEveryLanePosition) {
  const auto vectors = test::load_public_vectors("x25519_test.json");
  if (!vectors) {
    GTEST_SKIP() << "no " << test::public_vectors_path("x25519_test.json")
                 << "; name the folder that holds it in PSSST_PUBLIC_VECTORS";
  }
  const Neighbours neighbours;
  int count = 0;
  int zero_count = 0;
  for (const auto& group : vectors->at("testGroups")) {
    for (const auto& row : group.at("tests")) {
      const auto scalar = bytes_of_size<32>(row.at("private"));
      const auto point = bytes_of_size<32>(row.at("public"));
      const auto result = bytes_of_size<32>(row.at("shared"));
      SCOPED_TRACE("tcId " + row.at("tcId").dump());
      ++count;
      zero_count += result == Bytes32{} ? 1 : 0;
      for (std::size_t n = 1; n <= 4; ++n) {
        for (std::size_t position = 0; position < n; ++position) {
          neighbours.expect(kernel(), scalar, point, result, position, n);
        }
      }
      const std::size_t full = kernel().burst_limit;
      neighbours.expect(kernel(), scalar, point, result, 0, full);
      neighbours.expect(kernel(), scalar, point, result, full - 1, full);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(count, 518);
  EXPECT_EQ(zero_count, 31);
}

}  // namespace
}  // namespace pssst::crypto
