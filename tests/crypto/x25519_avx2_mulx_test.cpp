// Five lanes in one stream of instructions: that the merged step does what its halves do, and that
// lanes are grouped and kept apart as they should be. What the kernel computes is also in
// x25519_test.cpp and x25519_vectors_test.cpp.
#include <gtest/gtest.h>

#include <bit>

#include "base/hex.hpp"
#include "crypto/reference.hpp"
#include "crypto/scratch_registers.hpp"
#include "crypto/x25519.hpp"
#include "crypto/x25519_avx2_mulx_step.hpp"

namespace pssst::crypto {
namespace {

using test::Burst;

class Avx2Mulx : public testing::Test {
 protected:
  void SetUp() override {
    kernel_ = select_x25519_kernel("avx2_mulx");
    if (kernel_ == nullptr) GTEST_SKIP() << "this CPU lacks AVX2, FMA or BMI2";
  }
  const X25519Kernel* kernel_ = nullptr;
};

/// Reduced elements for the vector lanes, loose ones for the scalar lane.
Avx2MulxSlots random_slots(std::mt19937_64& random) {
  Avx2MulxSlots slots{};
  constexpr std::int64_t kLimbMax = (std::int64_t{1} << 50) + (1 << 12);
  std::uniform_int_distribution<std::int64_t> limb(-kLimbMax, kLimbMax);
  for (std::size_t i = 0; i < kAvx2SlotSelect; ++i) {
    for (double& lane : slots.vector[i]) {
      const std::uint64_t kind = random() % 8;
      const std::int64_t value = kind == 0 ? kLimbMax : kind == 1 ? -kLimbMax : limb(random);
      lane = static_cast<double>(value);
    }
  }
  for (double& lane : slots.vector[kAvx2SlotSelect]) lane = std::bit_cast<double>(random());
  for (std::size_t i = 0; i <= kMulxSlotSelect; ++i) {
    slots.scalar[i] = random() % 8 == 0 ? ~std::uint64_t{0} : random();
  }
  return slots;
}

/// Bit for bit: A, B, C, D, the point and the select word of all five lanes.
void expect_same_state(const Avx2MulxSlots& a, const Avx2MulxSlots& b) {
  for (std::size_t i = 0; i <= kAvx2SlotSelect; ++i) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(a.vector[i][lane]),
                std::bit_cast<std::uint64_t>(b.vector[i][lane]))
          << "slot " << i << ", lane " << lane;
    }
  }
  for (std::size_t i = 0; i < kMulxSlotU + 4; ++i) ASSERT_EQ(a.scalar[i], b.scalar[i]) << i;
  ASSERT_EQ(a.scalar[kMulxSlotSelect], b.scalar[kMulxSlotSelect]);
}

TEST_F(Avx2Mulx, StepsAndDoublingsDoWhatTheirHalvesDo) {
  std::mt19937_64 random(60);
  for (int i = 0; i < 500; ++i) {
    const Avx2MulxSlots start = random_slots(random);
    const std::uint64_t count = 1 + random() % 4;

    Avx2MulxSlots merged = start;
    Avx2MulxSlots apart = start;
    x25519_avx2_mulx_ladder_steps(&merged, count);
    x25519_avx2_ladder_steps(apart.vector, count);
    x25519_mulx_ladder_steps(apart.scalar, count);
    expect_same_state(merged, apart);

    merged = start;
    apart = start;
    x25519_avx2_mulx_doublings(&merged, count);
    x25519_avx2_doublings(apart.vector, count);
    x25519_mulx_doublings(apart.scalar, count);
    expect_same_state(merged, apart);
    if (HasFatalFailure()) return;
  }
}

TEST_F(Avx2Mulx, ScratchRegistersComeBackZero) {
  std::mt19937_64 random(61);
  for (const auto function : {x25519_avx2_mulx_ladder_steps, x25519_avx2_mulx_doublings}) {
    Avx2MulxSlots slots = random_slots(random);
    EXPECT_EQ(test::registers_after(function, &slots), (std::array<std::uint64_t, 8>{}));
  }
}

/// A lane's input and what OpenSSL makes of it.
struct Lane {
  Bytes32 scalar{};
  Bytes32 point{};
  Bytes32 result{};
};

std::vector<Lane> honest_lanes(std::size_t count, std::uint64_t seed) {
  test::SeededBytes random(seed);
  std::vector<Lane> lanes(count);
  for (Lane& lane : lanes) {
    lane.scalar = random.bytes32();
    lane.point = random.bytes32();
    lane.result = test::reference_x25519(lane.scalar, lane.point);
  }
  return lanes;
}

/// Lanes of small order instead of those in `hostile`, and everything that multiply() promises.
void expect_lanes(const X25519Kernel& kernel, const std::vector<Lane>& lanes, std::size_t n,
                  LaneMask hostile) {
  const std::vector<Bytes32> small = test::small_order_points();
  Burst burst;
  for (std::size_t i = 0; i < n; ++i) {
    const bool is_hostile = (hostile >> i & 1) != 0;
    burst.set(i, lanes[i].scalar, is_hostile ? small[(i + n) % small.size()] : lanes[i].point);
  }
  const LaneMask live = n == kX25519LanesMax ? ~LaneMask{0} : (LaneMask{1} << n) - 1;
  ASSERT_EQ(burst.multiply(kernel, n), hostile & live) << n << " lanes";
  for (std::size_t i = 0; i < n; ++i) {
    const Bytes32 expected = (hostile >> i & 1) != 0 ? Bytes32{} : lanes[i].result;
    ASSERT_EQ(base::to_hex(burst.out(i)), base::to_hex(expected)) << "lane " << i << " of " << n;
  }
}

// Bursts of 1 to 41 lanes take every way of making groups of five, of four, and of one.
TEST_F(Avx2Mulx, EachLaneOfEachBurstAgreesWhateverTheOthersAre) {
  const std::vector<Lane> lanes = honest_lanes(41, 62);
  for (std::size_t n = 1; n <= lanes.size(); ++n) {
    expect_lanes(*kernel_, lanes, n, 0);
    expect_lanes(*kernel_, lanes, n, ~LaneMask{0});
    for (std::size_t lane = 0; lane < n; ++lane) {
      expect_lanes(*kernel_, lanes, n, LaneMask{1} << lane);
      expect_lanes(*kernel_, lanes, n, ~(LaneMask{1} << lane));
    }
    if (HasFatalFailure()) return;
  }
}

TEST_F(Avx2Mulx, AdversarialPointsInEachLaneOfAGroup) {
  test::SeededBytes random(63);
  const std::vector<Bytes32> points = test::adversarial_points();
  std::vector<Lane> lanes = honest_lanes(5, 64);
  for (const Bytes32& point : points) {
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      std::vector<Lane> group = lanes;
      group[lane].point = point;
      group[lane].scalar = random.bytes32();
      group[lane].result = test::reference_x25519(group[lane].scalar, point);
      const LaneMask zero = group[lane].result == Bytes32{} ? LaneMask{1} << lane : 0;
      expect_lanes(*kernel_, group, group.size(), zero);
    }
    if (HasFatalFailure()) return;
  }
}

TEST_F(Avx2Mulx, BurstLimitIsEightGroups) {
  EXPECT_EQ(kernel_->vector_lanes, 5u);
  EXPECT_EQ(kernel_->burst_limit, 40u);
}

}  // namespace
}  // namespace pssst::crypto
