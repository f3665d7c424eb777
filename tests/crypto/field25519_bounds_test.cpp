// Proves the ranges that field25519.hpp names, and that nothing overflows, for inversion, ladder
// step, the Edwards form and the affine end: the code itself runs on intervals in place of words.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "crypto/edwards25519.hpp"
#include "crypto/x25519_affine_steps.hpp"

namespace pssst::crypto {
namespace {

/// What a proof has found. The code under proof is noexcept, so faults are collected.
struct Findings {
  std::vector<std::string> faults;
  int cuts = 0;          ///< calls of field_low()
  int dropped_cut = -1;  ///< the one that is left out, as if somebody had forgotten its carry
};
Findings findings;

void demand(bool holds, const char* otherwise) {
  if (!holds) findings.faults.emplace_back(otherwise);
}

/// Any value from low to high, of 64 bits.
struct Word {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  constexpr Word() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): constants stand in formulas.
  constexpr Word(std::uint64_t value) : low(value), high(value) {}
  constexpr Word(std::uint64_t from, std::uint64_t to) : low(from), high(to) {}
};

/// The same of 128 bits, a column.
struct Wide {
  Uint128 low = 0;
  Uint128 high = 0;
};

Word operator+(const Word& a, const Word& b) {
  Word sum;
  static_cast<void>(__builtin_add_overflow(a.low, b.low, &sum.low));
  demand(!__builtin_add_overflow(a.high, b.high, &sum.high), "a sum of 64 bits overflows");
  return sum;
}
Word& operator+=(Word& a, const Word& b) {
  return a = a + b;
}
Word operator-(const Word& a, const Word& b) {
  Word difference;
  demand(!__builtin_sub_overflow(a.low, b.high, &difference.low), "a difference is negative");
  static_cast<void>(__builtin_sub_overflow(a.high, b.low, &difference.high));
  return difference;
}
Word operator*(std::uint64_t factor, const Word& a) {
  Word product;
  static_cast<void>(__builtin_mul_overflow(factor, a.low, &product.low));
  demand(!__builtin_mul_overflow(factor, a.high, &product.high), "a multiple overflows");
  return product;
}
Wide operator+(const Wide& a, const Wide& b) {
  Wide sum;
  static_cast<void>(__builtin_add_overflow(a.low, b.low, &sum.low));
  demand(!__builtin_add_overflow(a.high, b.high, &sum.high), "a column overflows");
  return sum;
}
Wide& operator+=(Wide& a, const Wide& b) {
  return a = a + b;
}

Wide field_product(const Word& a, const Word& b) {
  return {Uint128{a.low} * b.low, Uint128{a.high} * b.high};
}

Word word_of(const Wide& a, const char* otherwise) {
  const bool fits = a.high >> 64 == 0;
  demand(fits, otherwise);
  return fits ? Word(static_cast<std::uint64_t>(a.low), static_cast<std::uint64_t>(a.high))
              : Word(0, ~std::uint64_t{0});
}

bool cut_is_dropped() {
  return findings.cuts++ == findings.dropped_cut;
}
Word field_low(const Word& a) {
  return cut_is_dropped() || a.high <= kLimbMask ? a : Word(0, kLimbMask);
}
Word field_low(const Wide& a) {
  const Wide column{a.low / kColumnScale, a.high / kColumnScale};
  if (cut_is_dropped()) return word_of(column, "a column without its carry taken off");
  return column.high <= kLimbMask ? word_of(column, "") : Word(0, kLimbMask);
}
Word field_high(const Word& a) {
  return {a.low >> 51, a.high >> 51};
}
Word field_high(const Wide& a) {
  return {static_cast<std::uint64_t>(a.low >> 64), static_cast<std::uint64_t>(a.high >> 64)};
}

using Element = FieldElement<Word>;
using Point = BasicProjectivePoint<Word>;

constexpr std::uint64_t kReducedEnd = (std::uint64_t{1} << 51) + (std::uint64_t{1} << 13);
constexpr std::uint64_t kLooseEnd = std::uint64_t{1} << 54;

Element all_below(std::uint64_t end) {
  const Word limb(0, end - 1);
  return {{limb, limb, limb, limb, limb}};
}
Element reduced() {
  return all_below(kReducedEnd);
}
Element loose() {
  return all_below(kLooseEnd);
}
bool is_below(const Element& a, std::uint64_t end) {
  return std::all_of(std::begin(a.limb), std::end(a.limb),
                     [end](const Word& limb) { return limb.high < end; });
}

/// Bytes are made of canonical limbs without arithmetic: they must not overlap.
std::uint64_t field_zero_mask(const Element& a) {
  demand(is_below(a, kReducedEnd), "a test for zero of what is not reduced");
  demand(is_below(field_canonical(a), kLimbMask + 1), "canonical limbs overlap");
  return 0;
}

// The mask is not known here: both outcomes.
void field_clear_where(Element& a, std::uint64_t) {
  for (Word& limb : a.limb) limb.low = 0;
}
void field_one_where(Element& a, std::uint64_t mask) {
  field_clear_where(a, mask);
  a.limb[0].high = std::max(a.limb[0].high, std::uint64_t{1});
}

/// Demands reduced results, one or more.
template <class... Elements>
void demand_reduced(const Elements&... elements) {
  demand((is_below(elements, kReducedEnd) && ...), "a result is not reduced");
}

std::vector<std::string> faults_of(const std::function<void()>& proof, int dropped_cut = -1) {
  findings = Findings{};
  findings.dropped_cut = dropped_cut;
  proof();
  return findings.faults;
}

using Faults = std::vector<std::string>;

void multiply() {
  demand_reduced(field_multiply(loose(), loose()));
}
void square() {
  demand_reduced(field_square(loose()));
}
void square_of_reduced() {
  demand_reduced(field_square_reduced(reduced()));
}
void multiply_small() {
  demand_reduced(field_multiply_small(loose(), (1u << 17) - 1));
}

TEST(Field25519Bounds, AddAndSubtractOfReducedGiveLoose) {
  EXPECT_EQ(faults_of([] {
              demand(is_below(field_add(reduced(), reduced()), kLooseEnd / 2), "sum");
              demand(is_below(field_subtract(reduced(), reduced()), kLooseEnd / 2), "difference");
            }),
            Faults{});
}

TEST(Field25519Bounds, ProductsOfLooseAreReduced) {
  EXPECT_EQ(faults_of(multiply), Faults{});
  EXPECT_EQ(faults_of(square), Faults{});
  EXPECT_EQ(faults_of(square_of_reduced), Faults{});
  EXPECT_EQ(faults_of(multiply_small), Faults{});
}

TEST(Field25519Bounds, InversionAndEulerOfLooseAreReduced) {
  EXPECT_EQ(faults_of([] { demand_reduced(field_invert(loose()), field_euler(loose())); }),
            Faults{});
}

TEST(Field25519Bounds, LadderStepsKeepReduced) {
  EXPECT_EQ(faults_of([] {
              Point p{reduced(), reduced()};
              Point q = p;
              ladder_step(loose(), p, q);
              demand_reduced(p.x, p.z, q.x, q.z);
              const Point twice = point_double(Point{reduced(), reduced()});
              demand_reduced(twice.x, twice.z);
            }),
            Faults{});
}

using EdwardsWords = BasicEdwardsExtended<Word>;

EdwardsWords reduced_edwards() {
  return {{reduced(), reduced(), reduced()}, reduced()};
}
void demand_reduced_edwards(const EdwardsWords& p) {
  demand_reduced(p.point.x, p.point.y, p.point.z, p.t);
}

/// `addend_end`: of the limbs of a table's entry.
void edwards(std::uint64_t addend_end) {
  demand_reduced_edwards(edwards_double(reduced_edwards().point));
  demand_reduced_edwards(edwards_add(reduced_edwards(), reduced_edwards()));
  demand_reduced_edwards(edwards_negate(reduced_edwards()));
  const Element coordinate = all_below(addend_end);
  const auto sum =
      edwards_add(reduced_edwards(), BasicEdwardsAddend<Word>{coordinate, coordinate, coordinate});
  demand_reduced(sum.x, sum.y, sum.z);
  // What the portable comb makes of a sum.
  demand(is_below(field_add(sum.z, sum.y), kLooseEnd), "sum");
  demand(is_below(field_subtract(sum.z, sum.y), kLooseEnd), "difference");
}

TEST(Field25519Bounds, EdwardsFormKeepsReduced) {
  EXPECT_EQ(faults_of([] { edwards(kLooseEnd); }), Faults{});
  EXPECT_FALSE(faults_of([] { edwards(4 * kLooseEnd); }).empty());
}

TEST(Field25519Bounds, EachDroppedCarryOfTheEdwardsFormIsSeen) {
  // Of all eight products.
  const auto proof = [] { demand_reduced_edwards(edwards_double(reduced_edwards().point)); };
  ASSERT_TRUE(faults_of(proof).empty());
  const int cuts = findings.cuts;
  ASSERT_EQ(cuts, 8 * 9);
  int seen = 0;
  for (int i = 0; i < cuts; ++i) seen += faults_of(proof, i).empty() ? 0 : 1;
  EXPECT_EQ(seen, cuts);
}

TEST(Field25519Bounds, ATableEntryIsLooseAndItsNegativeToo) {
  // A limb less 2^50, of 0 to 2^51 - 1, plus p.
  EXPECT_EQ(faults_of([] {
              const Element entry = all_below((std::uint64_t{1} << 51) + (std::uint64_t{1} << 50));
              demand(is_below(entry, kLooseEnd), "an entry");
              demand(is_below(field_subtract(field_small<Word>(0), entry), kLooseEnd), "minus it");
            }),
            Faults{});
}

TEST(Field25519Bounds, AffineEndOfLooseResults) {
  EXPECT_EQ(faults_of([] {
              std::vector<Point> points(3, Point{loose(), loose()});
              std::vector<Element> products(points.size());
              for (std::size_t i = 0; i < points.size(); ++i) {
                affine_gather(points[i], i == 0 ? nullptr : &products[i - 1], products[i]);
                demand_reduced(products[i], points[i].z);
              }
              Element inverse = field_invert(products.back());
              Element affine{};
              for (std::size_t i = points.size(); i-- > 0;) {
                affine_scatter(points[i], i == 0 ? nullptr : &products[i - 1], inverse, affine);
                demand_reduced(inverse, affine);
                static_cast<void>(field_zero_mask(affine));
              }
            }),
            Faults{});
  EXPECT_EQ(faults_of([] {
              Point point{loose(), loose()};
              Element difference{};
              static_cast<void>(affine_compare(point, reduced(), difference));
            }),
            Faults{});
}

TEST(Field25519Bounds, CanonicalLimbsDoNotOverlap) {
  EXPECT_EQ(faults_of([] { static_cast<void>(field_zero_mask(reduced())); }), Faults{});
}

// The proofs see what they are for: each carry, dropped, and factors over their range.
TEST(Field25519Bounds, EachDroppedCarryIsSeen) {
  for (const auto& proof : {multiply, square, square_of_reduced, multiply_small}) {
    ASSERT_TRUE(faults_of(proof).empty());
    const int cuts = findings.cuts;
    ASSERT_GE(cuts, 6);
    for (int i = 0; i < cuts; ++i) EXPECT_FALSE(faults_of(proof, i).empty()) << "carry " << i;
  }
}

TEST(Field25519Bounds, DroppedCarriesOfTheCanonicalFormAreSeen) {
  const auto proof = [] { static_cast<void>(field_zero_mask(reduced())); };
  ASSERT_TRUE(faults_of(proof).empty());
  const int cuts = findings.cuts;
  ASSERT_EQ(cuts, 10);
  // Those of the first pass are made good by the second one, as far as ranges go.
  for (int i = 5; i < cuts; ++i) EXPECT_FALSE(faults_of(proof, i).empty()) << "carry " << i;
}

TEST(Field25519Bounds, FactorsOverTheirRangeAreSeen) {
  EXPECT_FALSE(
      faults_of([] { demand_reduced(field_multiply(all_below(4 * kLooseEnd), loose())); }).empty());
  EXPECT_FALSE(faults_of([] {
                 demand_reduced(field_square_reduced(all_below(std::uint64_t{1} << 62)));
               }).empty());
  EXPECT_FALSE(faults_of([] {
                 demand(is_below(field_subtract(reduced(), loose()), kLooseEnd), "difference");
               }).empty());
}

}  // namespace
}  // namespace pssst::crypto
