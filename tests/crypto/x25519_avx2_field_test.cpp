// Proves the limb ranges of x25519_avx2_field.hpp, and that no column overflows: the code itself
// runs on intervals in place of vectors. And it runs on single numbers, each of which must lie in
// its interval, so that the rules of the intervals are held against the arithmetic they stand for.
#include "crypto/x25519_avx2_field.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace pssst::crypto {
namespace {

__extension__ using Int128 = __int128;

constexpr Int128 kOne = 1;
constexpr Int128 kWord = kOne << 64;
constexpr Int128 kReduced = (kOne << 50) + (kOne << 12);
constexpr std::uint64_t kBitsOfC1 = std::uint64_t{0x4668} << 48;  // of 1.5 * 2^103
constexpr std::uint64_t kBitsOfC3 = std::uint64_t{0x4338} << 48;  // of 1.5 * 2^52

struct BoundError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void require(bool holds, const char* otherwise) {
  if (!holds) throw BoundError(otherwise);
}

/// low <= value <= high.
struct Range {
  Int128 low = 0;
  Int128 high = 0;
  friend Range operator+(const Range& a, const Range& b) {
    return {a.low + b.low, a.high + b.high};
  }
  friend Range operator-(const Range& a, const Range& b) {
    return {a.low - b.high, a.high - b.low};
  }
  friend Range operator*(const Range& a, const Range& b) {
    const std::array<Int128, 4> corners{a.low * b.low, a.low * b.high, a.high * b.low,
                                        a.high * b.high};
    return {*std::min_element(corners.begin(), corners.end()),
            *std::max_element(corners.begin(), corners.end())};
  }
  [[nodiscard]] Int128 magnitude() const { return std::max(-low, high); }
};
constexpr Range within(Int128 bound) {
  return {-bound, bound};
}

/// The proof at hand: what it has seen, and what it is to leave out.
struct Proof {
  std::vector<Range> results;  ///< of each operation, in order
  Int128 largest_product = 0;
  int carries = 0;
  int dropped_carry = -1;  ///< as if somebody had forgotten it
  int operations = 0;
};
Proof proof;

/// Avx2Field's arithmetic on intervals.
struct Intervals {
  struct Number {
    Range range;
    int made_by = 0;  ///< the operation, to tell what belongs together
  };
  /// A bit pattern, as one of the integers that are congruent modulo 2^64.
  struct Integer {
    Range range;
  };

  static Number exact(const Range& range) {
    require(range.magnitude() <= kOne << 53, "a double that is no integer of 53 bits");
    return noted(range);
  }
  static Number noted(const Range& range) {
    proof.results.push_back(range);
    return {range, ++proof.operations};
  }
  static Integer pattern(const Range& range) {
    require(range.high - range.low < kOne << 63, "a column may wrap around");
    proof.results.push_back(range);
    return {range};
  }

  static Number add(const Number& a, const Number& b) { return exact(a.range + b.range); }
  static Number sub(const Number& a, const Number& b) { return exact(a.range - b.range); }
  static Halves<Intervals> product(const Number& a, const Number& b) {
    const Range product = a.range * b.range;
    proof.largest_product = std::max(proof.largest_product, product.magnitude());
    require(product.magnitude() < kOne << 102, "|a b| reaches 2^102");
    const Range half = within(kOne << 50);
    const Range high{(product.low - (kOne << 50)) >> 51, (product.high + (kOne << 50)) >> 51};
    return {pattern(half + Range{kBitsOfC3, kBitsOfC3}),
            pattern(high + Range{kBitsOfC1, kBitsOfC1})};
  }

  static Integer add(const Integer& a, const Integer& b) { return pattern(a.range + b.range); }
  static Integer sub(const Integer& a, const Integer& b) { return pattern(a.range - b.range); }
  static Integer shift_left(const Integer& a, int count) {
    const Int128 factor = kOne << count;
    return pattern(a.range * Range{factor, factor});
  }
  static Integer constant(std::uint64_t value) { return pattern({value, value}); }
  static Integer top(const Integer& a) {
    const Int128 wraps = a.range.low >> 64;
    require(a.range.high >> 64 == wraps, "a carry is read of a column that wraps around");
    const Int128 base = wraps * kWord;
    if (proof.carries == proof.dropped_carry) return pattern({0, 0});
    return pattern({(a.range.low - base) >> 51, (a.range.high - base) >> 51});
  }
  /// Called once for each top().
  static Integer bottom(const Integer& a) {
    if (proof.carries++ == proof.dropped_carry) return pattern(a.range);
    return pattern({0, (kOne << 51) - 1});
  }
  static Integer times19(const Integer& a) {
    require(a.range.low >= 0 && a.range.high < kOne << 13, "a carry of more than 13 bits");
    return pattern(a.range * Range{19, 19});
  }
  static Number number(const Integer& a) {
    require(a.range.low >= 0 && a.range.high < kOne << 52, "bits that reach the exponent");
    return exact(a.range);
  }

  /// a24 e + aa is rounded to 53 bits, then to a multiple of 2^51.
  static Number add_a24_high(const Number& e, const Number& aa) {
    const Range total = e.range * Range{121665, 121665} + aa.range;
    require(total.magnitude() < kOne << 69, "a24 E + AA is too large for its rounding");
    highs.push_back({e.made_by, aa.made_by, proof.operations + 1});
    return noted(total + within(kRest));
  }
  static Number add_a24_rest(const Number& e, const Number& aa, const Number& high) {
    require(std::any_of(highs.begin(), highs.end(),
                        [&](const High& h) {
                          return h.e == e.made_by && h.aa == aa.made_by && h.high == high.made_by;
                        }),
            "the rest of another sum");
    require((within(kRest) - aa.range).magnitude() <= kOne << 53, "an inexact rest");
    return exact(within(kRest));
  }
  static Number carried(const Number& high, int times) {
    return exact({(high.range.low >> 51) * times, -((-high.range.high) >> 51) * times});
  }
  static Number select(const Number& a, const Number& b, bool /*either*/) {
    return noted({std::min(a.range.low, b.range.low), std::max(a.range.high, b.range.high)});
  }

  static constexpr Int128 kRest = (kOne << 50) + (kOne << 16);
  struct High {
    int e, aa, high;
  };
  static inline std::vector<High> highs;
};

/// The same on single lanes, each result held against its interval.
struct Lane {
  using Number = double;
  struct Integer {
    std::uint64_t bits;
  };
  static inline std::size_t position;

  static const Range& range() {
    require(position < proof.results.size(), "more operations than the proof has seen");
    return proof.results[position++];
  }
  static double checked(double value) {
    const Range& r = range();
    const auto integer = static_cast<Int128>(value);
    require(r.low <= integer && integer <= r.high, "a number outside its interval");
    return value;
  }
  static Integer checked(std::uint64_t bits) {
    const Range& r = range();
    const auto distance = bits - static_cast<std::uint64_t>(r.low);
    require(Int128{distance} <= r.high - r.low, "a pattern outside its interval");
    return {bits};
  }

  static double add(double a, double b) { return checked(a + b); }
  static double sub(double a, double b) { return checked(a - b); }
  static Halves<Lane> product(double a, double b) {
    const double high = std::fma(a, b, 0x1.8p103);
    const double low = std::fma(a, b, -(high - (0x1.8p103 + 0x1.8p52)));
    const Integer first = checked(std::bit_cast<std::uint64_t>(low));
    return {first, checked(std::bit_cast<std::uint64_t>(high))};
  }
  static Integer add(Integer a, Integer b) { return checked(a.bits + b.bits); }
  static Integer sub(Integer a, Integer b) { return checked(a.bits - b.bits); }
  static Integer shift_left(Integer a, int count) { return checked(a.bits << count); }
  static Integer constant(std::uint64_t value) { return checked(value); }
  static Integer top(Integer a) { return checked(a.bits >> 51); }
  static Integer bottom(Integer a) { return checked(a.bits & ((std::uint64_t{1} << 51) - 1)); }
  static Integer times19(Integer a) { return checked(19 * a.bits); }
  static double number(Integer a) { return checked(static_cast<double>(a.bits)); }
  static double add_a24_high(double e, double aa) {
    return checked(std::fma(e, 121665.0, aa) + 0x1.8p103 - 0x1.8p103);
  }
  static double add_a24_rest(double e, double aa, double high) {
    return checked(std::fma(e, 121665.0, -high) + aa);
  }
  static double carried(double high, int times) { return checked(high * (times * 0x1p-51)); }
  static double select(double a, double b, bool second) { return checked(second ? b : a); }
};

template <class V>
using ElementOf = typename Avx2Field<V>::Element;
template <class V>
using PointOf = typename Avx2Field<V>::Point;

ElementOf<Intervals> any_element(Int128 bound) {
  ElementOf<Intervals> r;
  for (Intervals::Number& limb : r.limb) limb = Intervals::noted(within(bound));
  return r;
}

template <class Visit>
void each_limb(const PointOf<Intervals>& p, Visit visit) {
  for (const auto* element : {&p.plus, &p.minus}) {
    for (const Intervals::Number& limb : element->limb) visit(limb.range);
  }
}

void begin_proof(int dropped_carry = -1) {
  proof = {};
  proof.dropped_carry = dropped_carry;
  Intervals::highs.clear();
}

/// A ladder step, then a doubling, of any elements with limbs up to `bound`.
void prove(Int128 bound, int dropped_carry = -1) {
  begin_proof(dropped_carry);
  PointOf<Intervals> p{any_element(bound), any_element(bound)};
  PointOf<Intervals> q{any_element(bound), any_element(bound)};
  Avx2Field<Intervals>::ladder_step(p, q, any_element(bound), false);
  const auto reduced = [bound](const Range& limb) {
    require(limb.magnitude() <= bound, "a result that is not reduced");
  };
  each_limb(p, reduced);
  each_limb(q, reduced);
  each_limb(Avx2Field<Intervals>::point_double(p), reduced);
}

// Nine carries in a step and four in a doubling, of five limbs each.
constexpr int kCarries = 5 * (9 + 4);

TEST(Avx2FieldBounds, ReducedElementsGiveReducedOnes) {
  ASSERT_NO_THROW(prove(kReduced));
  EXPECT_EQ(proof.carries, kCarries);
  // E times G: the largest product there is, and not far below the bound.
  EXPECT_LT(proof.largest_product, kOne << 102);
  EXPECT_GT(proof.largest_product, kOne << 101);
}

TEST(Avx2FieldBounds, EachOperationAlone) {
  using Field = Avx2Field<Intervals>;
  begin_proof();
  const ElementOf<Intervals> a = any_element(kReduced);
  const ElementOf<Intervals> b = any_element(kReduced);
  const ElementOf<Intervals> e = Field::difference(a, b);
  const ElementOf<Intervals> g = Field::add_a24_times(e, a);
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_LE(e.limb[k].range.magnitude(), 2 * kReduced);
    EXPECT_LE(g.limb[k].range.magnitude(), (kOne << 50) + (kOne << 22));
  }
  for (const Field::Columns& columns :
       {Field::multiply(a, b), Field::square(a), Field::multiply(e, g),
        Field::add(Field::multiply(a, b), Field::multiply(e, g)),
        Field::subtract(Field::multiply(a, b), Field::square(b))}) {
    for (const Intervals::Number& limb : Field::carry(columns).limb) {
      EXPECT_LE(limb.range.magnitude(), kReduced);
    }
  }
}

TEST(Avx2FieldBounds, EachForgottenCarryIsSeen) {
  for (int dropped = 0; dropped < kCarries; ++dropped) {
    EXPECT_THROW(prove(kReduced, dropped), BoundError) << dropped;
  }
}

TEST(Avx2FieldBounds, SumsAsFactorsAreRefused) {
  EXPECT_THROW(prove(2 * kReduced), BoundError);
  begin_proof();
  // Over by one part in 2^31.
  EXPECT_THROW(Avx2Field<Intervals>::multiply(any_element(2 * kReduced), any_element(2 * kReduced)),
               BoundError);
}

/// Limbs at their extremes and random ones.
ElementOf<Lane> some_element(std::mt19937_64& random) {
  constexpr auto kMost = static_cast<std::int64_t>(kReduced);
  std::uniform_int_distribution<std::int64_t> inside(-kMost, kMost);
  const std::uint64_t kind = random() % 4;
  ElementOf<Lane> r;
  for (double& limb : r.limb) {
    const std::int64_t end = random() % 2 == 0 ? kMost : -kMost;
    const std::int64_t value = kind == 0   ? kMost
                               : kind == 1 ? -kMost
                               : kind == 2 ? end
                                           : inside(random);
    limb = Lane::checked(static_cast<double>(value));
  }
  return r;
}

TEST(Avx2FieldBounds, NumbersLieInTheirIntervals) {
  prove(kReduced);
  std::mt19937_64 random(65);
  for (int i = 0; i < 2000; ++i) {
    Lane::position = 0;
    PointOf<Lane> p{};
    PointOf<Lane> q{};
    for (ElementOf<Lane>* element : {&p.plus, &p.minus, &q.plus, &q.minus}) {
      *element = some_element(random);
    }
    const ElementOf<Lane> u1 = some_element(random);
    ASSERT_NO_THROW(Avx2Field<Lane>::ladder_step(p, q, u1, random() % 2 == 0)) << i;
    ASSERT_NO_THROW(Avx2Field<Lane>::point_double(p)) << i;
    ASSERT_EQ(Lane::position, proof.results.size());
  }
}

}  // namespace
}  // namespace pssst::crypto
