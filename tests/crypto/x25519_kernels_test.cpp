// The table of kernels, the choice among them, and what no kernel takes.
#include <gtest/gtest.h>

#include <array>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "crypto/kernel_test.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {
namespace {

TEST(X25519Kernels, TableIsWellFormed) {
  std::set<std::string_view> names;
  for (const X25519Kernel& kernel : x25519_kernels()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    EXPECT_FALSE(kernel.name.empty());
    EXPECT_EQ(kernel.burst_limit, 8 * kernel.vector_lanes) << kernel.name;
    EXPECT_LE(kernel.burst_limit, kX25519LanesMax) << kernel.name;
  }
  EXPECT_TRUE(names.contains("portable"));
}

TEST(X25519Kernels, SelectionIsByNameOrTheBestForThisCpu) {
  const X25519Kernel* const best = select_x25519_kernel("");
  ASSERT_NE(best, nullptr);
  EXPECT_EQ(select_x25519_kernel("auto"), best);
  EXPECT_NE(select_x25519_kernel(best->name), nullptr);
  for (const X25519Kernel& kernel : x25519_kernels()) {
    EXPECT_EQ(select_x25519_kernel(kernel.name), kernel.supported() ? &kernel : nullptr);
    EXPECT_EQ(kernel.plan.parts().size(), 1u) << kernel.name;
  }
  EXPECT_TRUE(select_x25519_kernel("portable")->supported());
  EXPECT_EQ(select_x25519_kernel("no such kernel"), nullptr);
  EXPECT_EQ(select_x25519_kernel("portabl"), nullptr);
}

TEST(X25519Kernels, TheBestUsesWhatThisCpuRunsAndIsNamedAfterIt) {
  const X25519Kernel& best = *select_x25519_kernel("");
  std::set<X25519Ladders*> used;
  for (std::size_t n = 1; n <= kX25519LanesMax; ++n) {
    for (std::size_t i = 0; i < best.plan.parts().size(); ++i) {
      if (best.plan.lanes(n, i) != 0) used.insert(best.plan.parts()[i].ladders);
    }
  }
  std::string name;
  for (const X25519Kernel& kernel : x25519_kernels()) {
    if (!used.contains(kernel.plan.parts().front().ladders)) continue;
    EXPECT_TRUE(kernel.supported()) << kernel.name;
    name.append(name.empty() ? "" : "+").append(kernel.name);
    EXPECT_LE(kernel.burst_limit, best.burst_limit);
  }
  EXPECT_EQ(name, best.name);
  for (const std::string_view reference : {"avx2_readable", "avx512ifma_model"}) {
    EXPECT_EQ(best.name.find(reference), std::string_view::npos) << "is there for tests alone";
  }
}

TEST(X25519Kernels, TheBestGivesFullBurstsToItsCheapestLanes) {
  const X25519Kernel& best = *select_x25519_kernel("");
  std::size_t lanes = 0;
  for (std::size_t i = 0; i < best.plan.parts().size(); ++i) {
    if (best.plan.parts()[i].vector_lanes != best.vector_lanes) continue;
    lanes += best.plan.lanes(best.burst_limit, i);
  }
  EXPECT_EQ(lanes, best.burst_limit);
}

TEST(X25519KernelsDeathTest, MoreThanTheMostLanesAbort) {
  for (const std::string& name : test::kernel_names()) {
    const X25519Kernel* const kernel = select_x25519_kernel(name);
    if (kernel == nullptr) continue;
    std::vector<Bytes32> points(kX25519LanesMax + 1);
    const X25519Scalar scalar;
    const std::vector<const X25519Scalar*> scalars(points.size(), &scalar);
    std::vector<Bytes32> out(points.size());
    EXPECT_DEATH(static_cast<void>(
                     kernel->multiply(scalars.data(), points.data(), out.data(), points.size())),
                 "kX25519LanesMax");
    EXPECT_DEATH(
        static_cast<void>(kernel->check(scalars.data(), points.data(), out.data(), points.size())),
        "kX25519LanesMax");
  }
}

// As a child process finds the scalars that its parent made.
TEST(X25519KernelsDeathTest, AScalarThatWasZeroedAborts) {
  const Bytes32 point = test::small_value(9);
  Bytes32 out{};
  alignas(X25519Scalar) std::array<std::uint8_t, sizeof(X25519Scalar)> zeroed{};
  const X25519Scalar* const scalar = std::launder(reinterpret_cast<X25519Scalar*>(zeroed.data()));
  for (const std::string& name : test::kernel_names()) {
    const X25519Kernel* const kernel = select_x25519_kernel(name);
    if (kernel == nullptr) continue;
    EXPECT_DEATH(static_cast<void>(kernel->multiply(&scalar, &point, &out, 1)), "0x40");
    EXPECT_DEATH(static_cast<void>(kernel->check(&scalar, &point, &out, 1)), "0x40");
  }
}

}  // namespace
}  // namespace pssst::crypto
