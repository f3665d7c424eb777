#include "crypto/x25519.hpp"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <bit>
#include <new>
#include <set>
#include <type_traits>

#include "base/hex.hpp"
#include "crypto/kernel_test.hpp"
#include "crypto/reference.hpp"

namespace pssst::crypto {
namespace {

using test::Burst;
using test::KernelTest;
using test::SeededBytes;

INSTANTIATE_TEST_SUITE_P(X25519, KernelTest, testing::ValuesIn(test::kernel_names()),
                         test::kernel_name);

/// A lane's input and what OpenSSL makes of it.
struct Case {
  Bytes32 scalar;
  Bytes32 point;
  Bytes32 result;
};

Case make_case(const Bytes32& scalar, const Bytes32& point) {
  return {scalar, point, test::reference_x25519(scalar, point)};
}

/// Random scalars, half of them on random points and half on hard ones.
std::vector<Case> mixed_cases(std::size_t count, std::uint64_t seed) {
  SeededBytes random(seed);
  const std::vector<Bytes32> hard = test::adversarial_points();
  std::vector<Case> cases;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes32 point = i % 2 == 0 ? random.bytes32() : hard[i * 31 % hard.size()];
    cases.push_back(make_case(random.bytes32(), point));
  }
  return cases;
}

/// Multiplies cases[first, first + n) and compares everything that multiply() promises.
void expect_burst(const X25519Kernel& kernel, const std::vector<Case>& cases, std::size_t first,
                  std::size_t n) {
  Burst burst;
  for (std::size_t i = 0; i < n; ++i) {
    const Case& c = cases[(first + i) % cases.size()];
    burst.set(i, c.scalar, c.point);
  }
  const LaneMask zero_lanes = burst.multiply(kernel, n);
  LaneMask expected_zero_lanes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Case& c = cases[(first + i) % cases.size()];
    ASSERT_EQ(base::to_hex(burst.out(i)), base::to_hex(c.result))
        << "lane " << i << " of " << n << ", scalar " << base::to_hex(c.scalar) << ", point "
        << base::to_hex(c.point);
    expected_zero_lanes |= LaneMask{c.result == Bytes32{} ? 1u : 0u} << i;
  }
  ASSERT_EQ(zero_lanes, expected_zero_lanes) << n << " lanes";
  Bytes32 untouched{};
  untouched.fill(Burst::kUntouched);
  for (std::size_t i = n; i < kX25519LanesMax; ++i) ASSERT_EQ(burst.out(i), untouched) << i;
}

TEST_P(KernelTest, AgreesWithOpensslForEveryLaneCount) {
  const std::vector<Case> cases = mixed_cases(200, 1);
  for (std::size_t n = 0; n <= kX25519LanesMax; ++n) expect_burst(kernel(), cases, n * 7, n);
}

TEST_P(KernelTest, AgreesWithOpensslOnAdversarialPointsAndScalars) {
  SeededBytes random(2);
  Bytes32 ones{};
  ones.fill(0xff);
  const std::vector<Bytes32> scalars{
      Bytes32{}, ones, test::small_value(8), random.bytes32(), test::near_p(0), random.bytes32()};
  const std::vector<Bytes32> points = test::adversarial_points();
  std::vector<Case> cases;
  cases.reserve(points.size() * scalars.size());
  for (const Bytes32& point : points) {
    for (const Bytes32& scalar : scalars) cases.push_back(make_case(scalar, point));
  }
  for (std::size_t first = 0; first < cases.size(); first += kernel().burst_limit) {
    expect_burst(kernel(), cases, first, kernel().burst_limit);
  }
}

TEST_P(KernelTest, AgreesWithOpensslOnRandomInput) {
  SeededBytes random(3);
  std::vector<Case> cases;
  cases.reserve(2048);
  for (int i = 0; i < 2048; ++i) cases.push_back(make_case(random.bytes32(), random.bytes32()));
  for (std::size_t first = 0; first < cases.size(); first += kX25519LanesMax) {
    expect_burst(kernel(), cases, first, kX25519LanesMax);
  }
}

TEST_P(KernelTest, SmallOrderPointsZeroTheirOwnLaneOnly) {
  SeededBytes random(4);
  const std::size_t limit = kernel().burst_limit;
  std::vector<Case> honest;
  for (std::size_t i = 0; i < limit; ++i) {
    honest.push_back(make_case(random.bytes32(), random.bytes32()));
  }
  const auto expect_with = [&](const Bytes32& point, std::size_t lane) {
    std::vector<Case> cases = honest;
    cases[lane] = {random.bytes32(), point, Bytes32{}};
    expect_burst(kernel(), cases, 0, limit);
  };
  const std::vector<Bytes32> points = test::small_order_points();
  for (std::size_t lane = 0; lane < limit; ++lane) expect_with(points[lane % points.size()], lane);
  for (const Bytes32& point : points) {
    expect_with(point, 0);
    expect_with(point, limit - 1);
    const Case hostile{random.bytes32(), point, Bytes32{}};
    expect_burst(kernel(), std::vector<Case>(kX25519LanesMax, hostile), 0, kX25519LanesMax);
  }
}

TEST_P(KernelTest, ManyHostileLanesLeaveTheOthersAlone) {
  SeededBytes random(5);
  const std::vector<Bytes32> small = test::small_order_points();
  std::vector<Case> cases;
  for (std::size_t i = 0; i < 512; ++i) {
    const bool hostile = (random.bytes32().front() & 3) != 0;
    cases.push_back(
        make_case(random.bytes32(), hostile ? small[i % small.size()] : random.bytes32()));
  }
  for (std::size_t first = 0; first < cases.size(); first += kX25519LanesMax) {
    expect_burst(kernel(), cases, first, kX25519LanesMax);
  }
}

TEST_P(KernelTest, OutputMayReplaceInput) {
  const std::vector<Case> cases = mixed_cases(kX25519LanesMax, 6);
  std::array<X25519Scalar, kX25519LanesMax> scalars;
  std::array<const X25519Scalar*, kX25519LanesMax> pointers{};
  std::vector<Bytes32> points;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    scalars.at(i).assign(cases[i].scalar);
    pointers.at(i) = &scalars.at(i);
    points.push_back(cases[i].point);
  }
  static_cast<void>(
      kernel().multiply(pointers.data(), points.data(), points.data(), points.size()));
  for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(points[i], cases[i].result) << i;
}

TEST_P(KernelTest, TakesAnyAlignmentAndSharedScalars) {
  const std::vector<Case> cases = mixed_cases(kX25519LanesMax, 12);
  const std::size_t n = kernel().burst_limit;
  for (const std::size_t offset : {1u, 4u, 8u, 31u}) {
    std::vector<std::uint8_t> memory(3 * (n + 1) * kX25519Size + offset);
    // Bytes32 has no alignment of its own.
    auto* const points = reinterpret_cast<Bytes32*>(memory.data() + offset);
    Bytes32* const out = points + n + 1;
    Bytes32* const expected = out + n + 1;
    const X25519Scalar scalar(cases.front().scalar);
    const std::vector<const X25519Scalar*> scalars(n, &scalar);
    for (std::size_t i = 0; i < n; ++i) {
      points[i] = cases[i].point;
      expected[i] = test::reference_x25519(cases.front().scalar, cases[i].point);
    }
    static_cast<void>(kernel().multiply(scalars.data(), points, out, n));
    ASSERT_TRUE(std::equal(out, out + n, expected)) << offset;
    const X25519CheckResult result = kernel().check(scalars.data(), points, expected, n);
    ASSERT_EQ(result.equal | result.zero, ~LaneMask{0} >> (kX25519LanesMax - n)) << offset;
    ASSERT_EQ(out[n], Bytes32{}) << "written past the last lane";
  }
}

// What a library built with -ffast-math does to the whole process.
TEST_P(KernelTest, FlushingDenormalNumbersToZeroChangesNothing) {
  const std::vector<Case> cases = mixed_cases(128, 13);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | _MM_FLUSH_ZERO_ON | 0x40 /* denormals are zeros */);
  expect_burst(kernel(), cases, 0, kX25519LanesMax);
  expect_burst(kernel(), cases, 64, kX25519LanesMax);
  _mm_setcsr(before);
}

TEST_P(KernelTest, CheckTellsEqualUnequalAndZeroLanesApart) {
  SeededBytes random(7);
  for (const std::size_t n : {std::size_t{1}, std::size_t{5}, kX25519LanesMax}) {
    Burst burst;
    std::vector<Bytes32> expected;
    X25519CheckResult wanted;
    for (std::size_t i = 0; i < n; ++i) {
      const Bytes32 scalar = random.bytes32();
      const Bytes32 point = random.bytes32();
      Bytes32 result = test::reference_x25519(scalar, point);
      burst.set(i, scalar, point);
      switch ((i + n) % 4) {
        case 0:
          wanted.equal |= LaneMask{1} << i;
          break;
        case 1:
          result.at(i % 32) ^= static_cast<std::uint8_t>(1u << i % 8);
          break;
        case 2:  // a zero result equals nothing, not even zero
          burst.set(i, scalar, test::small_order_points()[i % 14]);
          result = Bytes32{};
          wanted.zero |= LaneMask{1} << i;
          break;
        default:  // the same value, with bit 255 set
          result = test::with_top_bit(result);
      }
      expected.push_back(result);
    }
    const X25519CheckResult got = burst.check(kernel(), expected);
    EXPECT_EQ(got.equal, wanted.equal) << n;
    EXPECT_EQ(got.zero, wanted.zero) << n;
  }
}

TEST_P(KernelTest, CheckSeesEverySingleBitOfExpected) {
  SeededBytes random(8);
  const Bytes32 scalar = random.bytes32();
  const Bytes32 point = random.bytes32();
  const Bytes32 result = test::reference_x25519(scalar, point);
  Burst burst;
  for (std::size_t i = 0; i < kX25519LanesMax; ++i) burst.set(i, scalar, point);
  for (std::size_t first = 0; first < 256; first += kX25519LanesMax) {
    std::vector<Bytes32> expected(kX25519LanesMax, result);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i].at((first + i) / 8) ^= static_cast<std::uint8_t>(1u << i % 8);
    }
    EXPECT_EQ(burst.check(kernel(), expected).equal, 0u);
  }
  EXPECT_EQ(burst.check(kernel(), std::vector<Bytes32>(kX25519LanesMax, result)).equal,
            ~LaneMask{0});
}

TEST_P(KernelTest, CheckTakesNoLanes) {
  Burst burst;
  const X25519CheckResult result = burst.check(kernel(), {});
  EXPECT_EQ(result.equal, 0u);
  EXPECT_EQ(result.zero, 0u);
}

// A result below 19 has a second spelling below 2^255.
TEST_P(KernelTest, CheckRefusesNonCanonicalSpellingOfTheResult) {
  // 8 is clamped to k = 2^254 + 8, and the point is 1/k modulo the group order times the base
  // point: so k times it is the base point, 9.
  Burst burst;
  const Bytes32 scalar = test::small_value(8);
  Bytes32 point{};
  ASSERT_TRUE(
      base::from_hex("ad07d4e0fcacccaed915d2f0b7ff3744579fef3956b9bdf7a83b44ad9d6e5f31", point));
  burst.set(0, scalar, point);
  ASSERT_EQ(test::reference_x25519(scalar, point), test::small_value(9));
  EXPECT_EQ(burst.check(kernel(), {test::small_value(9)}).equal, 1u);
  EXPECT_EQ(burst.check(kernel(), {test::near_p(9)}).equal, 0u);
}

TEST(X25519Scalar, IsClamped) {
  EXPECT_EQ(X25519Scalar().clamped(), X25519Scalar(Bytes32{}).clamped());
  SeededBytes random(9);
  for (int i = 0; i < 256; ++i) {
    const Bytes32 bytes = random.bytes32();
    Bytes32 clamped = bytes;
    clamped[0] = static_cast<std::uint8_t>(clamped[0] / 8 * 8);
    clamped[31] = static_cast<std::uint8_t>(64 + clamped[31] % 64);
    EXPECT_EQ(X25519Scalar(bytes).clamped(), clamped);
    X25519Scalar assigned;
    assigned.assign(bytes);
    EXPECT_EQ(assigned.clamped(), clamped);
  }
}

TEST(X25519Scalar, IsWipedOnDestruction) {
  alignas(X25519Scalar) std::array<std::uint8_t, sizeof(X25519Scalar)> memory{};
  auto* const scalar = ::new (memory.data()) X25519Scalar(test::near_p(0));
  EXPECT_EQ(scalar->clamped().back(), 0x7f);
  scalar->~X25519Scalar();
  // Read through what the compiler cannot know to be dead.
  const volatile std::uint8_t* const after = memory.data();
  for (std::size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(after[i], 0u) << i;
}

static_assert(!std::is_copy_constructible_v<X25519Scalar> &&
                  !std::is_copy_assignable_v<X25519Scalar>,
              "a copy would be one more place to wipe");

TEST(X25519Public, MultipliesTheBasePoint) {
  SeededBytes random(10);
  for (int i = 0; i < 32; ++i) {
    const Bytes32 scalar = random.bytes32();
    EXPECT_EQ(x25519_public(X25519Scalar(scalar)),
              test::reference_x25519(scalar, test::small_value(9)));
  }
}

TEST(IsCanonical, HoldsBelowPWithBit255Clear) {
  EXPECT_TRUE(is_canonical(Bytes32{}));
  for (int offset = -237; offset < 0; ++offset) EXPECT_TRUE(is_canonical(test::near_p(offset)));
  for (int offset = 0; offset <= 18; ++offset) EXPECT_FALSE(is_canonical(test::near_p(offset)));
  // One bit below p's all-ones bytes, with the lowest byte above p's.
  for (std::size_t i = 1; i < 32; ++i) {
    Bytes32 bytes = test::near_p(18);
    bytes.at(i) ^= 1;
    EXPECT_TRUE(is_canonical(bytes)) << i;
    EXPECT_FALSE(is_canonical(test::with_top_bit(bytes))) << i;
  }
  EXPECT_FALSE(is_canonical(test::with_top_bit(Bytes32{})));
}

TEST(IsSmallOrder, HoldsForTheFiveCanonicalValuesAlone) {
  std::set<Bytes32> canonical;
  for (const Bytes32& point : test::small_order_points()) {
    // That they are of small order: a clamped scalar, a multiple of 8, gives zero.
    EXPECT_EQ(test::reference_x25519(test::small_value(8), point), Bytes32{});
    if (is_canonical(point)) canonical.insert(point);
  }
  EXPECT_EQ(canonical.size(), 5u);
  for (const Bytes32& point : test::small_order_points()) {
    EXPECT_EQ(is_small_order(point), canonical.contains(point)) << base::to_hex(point);
    for (std::size_t bit = 0; bit < 256; ++bit) {
      Bytes32 neighbour = point;
      neighbour.at(bit / 8) ^= static_cast<std::uint8_t>(1u << bit % 8);
      EXPECT_EQ(is_small_order(neighbour), canonical.contains(neighbour))
          << base::to_hex(neighbour);
    }
  }
}

}  // namespace
}  // namespace pssst::crypto
