// The way into and out of the AVX2 kernels' limbs, at the extremes: every step of a conversion is
// monotonic between carries, so corners and the places where a carry turns show the ranges.
#include "crypto/x25519_avx2_lanes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace pssst::crypto {
namespace {

__extension__ using Int128 = __int128;

constexpr std::uint64_t kHalf = std::uint64_t{1} << 50;
constexpr std::uint64_t kReducedMax = (std::uint64_t{1} << 51) + (std::uint64_t{1} << 13) - 1;
constexpr double kSignedMax = 0x1p50 + 0x1p12;  // what the ladder leaves and takes

using Slots = std::array<double[kAvx2Lanes], 5>;

/// Every way to fill five limbs from `corners`.
template <class Limb, class Function>
void for_all(const std::vector<Limb>& corners, Function function) {
  std::size_t count = 1;
  for (int i = 0; i < 5; ++i) count *= corners.size();
  for (std::size_t number = 0; number < count; ++number) {
    std::array<Limb, 5> limbs{};
    std::size_t rest = number;
    for (Limb& limb : limbs) {
      limb = corners[rest % corners.size()];
      rest /= corners.size();
    }
    function(limbs);
  }
}

/// That a is b + multiple * p, of limbs that are any integers: carries are taken until none is
/// left.
template <class Limbs>
void expect_value(const Limbs& a, const std::array<Int128, 5>& b, int multiple) {
  constexpr Int128 kUnit = Int128{1} << 51;
  Int128 carry = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const Int128 p = i == 0 ? kUnit - 19 : kUnit - 1;
    const Int128 difference = static_cast<Int128>(a[i]) - b[i] - multiple * p + carry;
    ASSERT_EQ(static_cast<std::int64_t>(difference % kUnit), 0) << "limb " << i;
    carry = difference / kUnit;
  }
  ASSERT_EQ(static_cast<std::int64_t>(carry), 0);
}

TEST(X25519Avx2Lanes, ReducedElementsAreStoredSignedWithTheSameValue) {
  const std::vector<std::uint64_t> corners{0,         1,          kHalf - 1, kHalf, kLimbMask - 1,
                                           kLimbMask, kReducedMax};
  for_all(corners, [](const std::array<std::uint64_t, 5>& limbs) {
    Field25519 element{};
    std::copy(limbs.begin(), limbs.end(), element.limb);
    Slots slots{};
    avx2_store_signed(element, slots.data(), 2);
    std::array<std::int64_t, 5> stored{};
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_LE(std::abs(slots[i][2]), 0x1p50 + 19);
      ASSERT_EQ(slots[i][1], 0.0);
      stored[i] = static_cast<std::int64_t>(slots[i][2]);
    }
    std::array<Int128, 5> expected{};
    std::copy(limbs.begin(), limbs.end(), expected.begin());
    // A carry out of the top is 2^255 = p + 19.
    const bool wrapped = [&] {
      Int128 value = 0;
      for (std::size_t i = 0; i < 5; ++i) value = ((value + expected[i]) + kHalf) >> 51;
      return value != 0;
    }();
    expect_value(stored, expected, wrapped ? -1 : 0);
  });
}

TEST(X25519Avx2Lanes, SumsAndDifferencesOfWhatTheLadderLeavesAreLoose) {
  const std::vector<double> corners{-kSignedMax, -1, 0, 1, kSignedMax};
  for_all(corners, [&](const std::array<double, 5>& a) {
    for (const double other : corners) {
      Slots first{};
      Slots second{};
      for (std::size_t i = 0; i < 5; ++i) {
        first[i][3] = a[i];
        second[i][3] = i % 2 == 0 ? other : -other;
      }
      for (const double sign : {1.0, -1.0}) {
        const Field25519 sum = avx2_load_sum(first.data(), second.data(), sign, 3);
        std::array<Int128, 5> expected{};
        for (std::size_t i = 0; i < 5; ++i) {
          ASSERT_LT(sum.limb[i], std::uint64_t{1} << 54);
          expected[i] = static_cast<std::int64_t>(first[i][3] + sign * second[i][3]);
        }
        expect_value(sum.limb, expected, 4);
      }
    }
  });
}

}  // namespace
}  // namespace pssst::crypto
