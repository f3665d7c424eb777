#include "crypto/x25519_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace pssst::crypto {
namespace {

// Never called.
X25519Ladders* const kLadders = nullptr;

X25519Part part(std::size_t vector_lanes, std::uint32_t cost) {
  return {.ladders = kLadders, .vector_lanes = vector_lanes, .cost = cost};
}

std::vector<std::size_t> lanes(const X25519Plan& plan, std::size_t n) {
  std::vector<std::size_t> lanes;
  for (std::size_t i = 0; i < plan.parts().size(); ++i) lanes.push_back(plan.lanes(n, i));
  return lanes;
}

std::uint64_t cost(const X25519Plan& plan, std::size_t n) {
  std::uint64_t cost = 0;
  for (std::size_t i = 0; i < plan.parts().size(); ++i) {
    const X25519Part& p = plan.parts()[i];
    cost += (plan.lanes(n, i) + p.vector_lanes - 1) / p.vector_lanes * p.cost;
  }
  return cost;
}

using Lanes = std::vector<std::size_t>;

TEST(X25519Plan, OnePartTakesAll) {
  const std::vector<X25519Part> parts{part(4, 76)};
  const X25519Plan plan(parts);
  for (std::size_t n = 0; n <= kX25519LanesMax; ++n) EXPECT_EQ(lanes(plan, n), Lanes{n});
}

TEST(X25519Plan, ALaneBeyondWholeVectorsGoesWhereItIsCheaper) {
  const std::vector<X25519Part> parts{part(4, 76), part(1, 60)};
  const X25519Plan plan(parts);
  EXPECT_EQ(lanes(plan, 0), (Lanes{0, 0}));
  EXPECT_EQ(lanes(plan, 1), (Lanes{0, 1}));
  EXPECT_EQ(lanes(plan, 2), (Lanes{2, 0}));
  EXPECT_EQ(lanes(plan, 4), (Lanes{4, 0}));
  EXPECT_EQ(lanes(plan, 5), (Lanes{4, 1}));
  EXPECT_EQ(lanes(plan, 6), (Lanes{6, 0}));
  EXPECT_EQ(lanes(plan, 64), (Lanes{64, 0}));
  EXPECT_EQ(lanes(plan, 61), (Lanes{60, 1}));
}

TEST(X25519Plan, SeveralVectorWidthsShare) {
  const std::vector<X25519Part> parts{part(8, 90), part(4, 70), part(1, 40)};
  const X25519Plan plan(parts);
  EXPECT_EQ(lanes(plan, 1), (Lanes{0, 0, 1}));
  EXPECT_EQ(lanes(plan, 3), (Lanes{0, 3, 0}));
  EXPECT_EQ(lanes(plan, 5), (Lanes{5, 0, 0}));
  EXPECT_EQ(lanes(plan, 11), (Lanes{8, 3, 0}));
  EXPECT_EQ(lanes(plan, 17), (Lanes{16, 0, 1}));
}

TEST(X25519Plan, OfEqualCostsTheEarlierPart) {
  const std::vector<X25519Part> parts{part(8, 60), part(1, 60)};
  EXPECT_EQ(lanes(X25519Plan(parts), 1), (Lanes{1, 0}));
}

/// The cheapest way to cover n lanes, by trying all.
std::uint64_t cheapest(const std::vector<X25519Part>& parts, std::size_t part, std::size_t n) {
  if (n == 0) return 0;
  if (part == parts.size()) return std::uint64_t{1} << 40;
  std::uint64_t best = std::uint64_t{1} << 40;
  for (std::size_t runs = 0; runs * parts[part].vector_lanes < n + parts[part].vector_lanes;
       ++runs) {
    const std::size_t covered = std::min(n, runs * parts[part].vector_lanes);
    best = std::min(best, runs * parts[part].cost + cheapest(parts, part + 1, n - covered));
  }
  return best;
}

TEST(X25519Plan, NoDivisionIsCheaperAndNoLaneIsLost) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::vector<X25519Part> parts;
    for (std::size_t count = 1 + random() % 3; count > 0; --count) {
      parts.push_back(part(1 + random() % 9, static_cast<std::uint32_t>(1 + random() % 100)));
    }
    const X25519Plan plan(parts);
    for (std::size_t n = 0; n <= kX25519LanesMax; n += 1 + n / 12) {
      std::size_t sum = 0;
      for (const std::size_t count : lanes(plan, n)) sum += count;
      ASSERT_EQ(sum, n);
      ASSERT_EQ(cost(plan, n), cheapest(parts, 0, n)) << n;
    }
  }
}

TEST(X25519Plan, HoldsAsManyPartsAsItSays) {
  std::vector<X25519Part> parts;
  for (std::size_t i = 0; i < X25519Plan::kPartsMax; ++i) parts.push_back(part(8 - i, 100));
  const X25519Plan plan(parts);
  EXPECT_EQ(lanes(plan, 64), (Lanes{64, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace pssst::crypto
