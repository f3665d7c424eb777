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

struct Lane {
  Bytes32 scalar;
  Bytes32 point;
  Bytes32 result;
};

/// Bursts in which the tested lane stands in several places, the others filled with what is given.
class TestedAmong {
 public:
  explicit TestedAmong(const std::vector<Bytes32>& points) {
    test::SeededBytes random(11);
    for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
      const Bytes32 scalar = random.bytes32();
      const Bytes32& point = points[i % points.size()];
      others_.push_back({scalar, point, test::reference_x25519(scalar, point)});
    }
  }

  void expect(const X25519Kernel& kernel, const Lane& tested, LaneMask positions,
              std::size_t n) const {
    Burst burst;
    LaneMask zero_lanes = 0;
    const auto lane = [&](std::size_t i) -> const Lane& {
      return (positions >> i & 1) != 0 ? tested : others_[i];
    };
    for (std::size_t i = 0; i < n; ++i) {
      burst.set(i, lane(i).scalar, lane(i).point);
      zero_lanes |= LaneMask{lane(i).result == Bytes32{} ? 1u : 0u} << i;
    }
    ASSERT_EQ(burst.multiply(kernel, n), zero_lanes) << n << " lanes";
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(burst.out(i), lane(i).result) << "lane " << i << " of " << n;
    }
  }

 private:
  std::vector<Lane> others_;
};

std::vector<Bytes32> random_points() {
  test::SeededBytes random(12);
  std::vector<Bytes32> points(kX25519LanesMax);
  for (Bytes32& point : points) point = random.bytes32();
  return points;
}

/// A full burst's lanes where a case stands: vector i's lane i, so that each lane of a vector has
/// it once among others, and the burst's first and last one.
LaneMask positions_in_full_burst(const X25519Kernel& kernel) {
  LaneMask positions = 1 | LaneMask{1} << (kernel.burst_limit - 1);
  for (std::size_t i = 0; i < kernel.vector_lanes; ++i) {
    positions |= LaneMask{1} << (i * kernel.vector_lanes + i);
  }
  return positions;
}

// Both "valid" and "acceptable": the latter are non-canonical, twist and small-order points, for
// which the result is defined all the same, and zero in 31 cases.
TEST_P(KernelVectorsTest, WycheproofInEveryLaneAndAtBothEndsOfABurst) {
  const auto vectors = test::load_public_vectors("x25519_test.json");
  if (!vectors) {
    GTEST_SKIP() << "no " << test::public_vectors_path("x25519_test.json")
                 << "; name the folder that holds it in PSSST_PUBLIC_VECTORS";
  }
  const TestedAmong honest(random_points());
  const TestedAmong hostile(test::adversarial_points());
  ASSERT_LE(kernel().vector_lanes * kernel().vector_lanes, kernel().burst_limit);
  int count = 0;
  int zero_count = 0;
  for (const auto& group : vectors->at("testGroups")) {
    for (const auto& row : group.at("tests")) {
      const Lane tested{bytes_of_size<32>(row.at("private")), bytes_of_size<32>(row.at("public")),
                        bytes_of_size<32>(row.at("shared"))};
      SCOPED_TRACE("tcId " + row.at("tcId").dump());
      ++count;
      zero_count += tested.result == Bytes32{} ? 1 : 0;
      honest.expect(kernel(), tested, 1, 1);
      honest.expect(kernel(), tested, positions_in_full_burst(kernel()), kernel().burst_limit);
      hostile.expect(kernel(), tested, positions_in_full_burst(kernel()), kernel().burst_limit);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(count, 518);
  EXPECT_EQ(zero_count, 31);
}

// A part of a burst may go to other ladders than the rest: every lane of every small burst.
TEST_P(KernelVectorsTest, EveryLaneOfBurstsOfUpToThreeVectors) {
  const TestedAmong hostile(test::small_order_points());
  const Bytes32 scalar =
      bytes_of_size<32>("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  const Bytes32 point =
      bytes_of_size<32>("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  const Lane tested{scalar, point, test::reference_x25519(scalar, point)};
  for (std::size_t n = 1; n <= 3 * kernel().vector_lanes; ++n) {
    for (std::size_t i = 0; i < n; ++i) {
      hostile.expect(kernel(), tested, LaneMask{1} << i, n);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace pssst::crypto
