/// The ladder over double-precision products, written to be read: the reference for the generated
/// step (x25519_avx2_step.py explains the representation), and a kernel of its own for comparison.
///
/// A template over the vector type, so that the proof of its bounds runs this very code over
/// intervals. `V` names Number (integers held in doubles) and Integer (64-bit patterns modulo 2^64)
/// and supplies, as static functions:
///   Number  add(Number, Number), sub(Number, Number)     exact or refused
///   Halves<V> product(Number, Number)                    bit patterns, see below; |a b| < 2^102
///   Integer add(Integer, Integer), sub(Integer, Integer), shift_left(Integer, int), constant(u64)
///   Integer top(Integer)                                 logical shift right by 51
///   Integer bottom(Integer)                              the low 51 bits
///   Integer times19(Integer)                             of a value below 2^13
///   Number  number(Integer)                              of a value below 2^52
///   Number  add_a24_high(Number e, Number aa)            aa + a24 e to a multiple of 2^51
///   Number  add_a24_rest(Number e, Number aa, Number h)  the rest
///   Number  carried(Number h, int times)                 h 2^-51 times, times 1 or 19
///   Number  select(Number, Number, Select)
#pragma once

#include <cstdint>

namespace pssst::crypto {

/// low = bits(1.5 * 2^52 + the product's rest), high = bits(1.5 * 2^103 + its multiple of 2^51).
template <class V>
struct Halves {
  typename V::Integer low, high;
};

template <class V>
class Avx2Field {
 public:
  using Number = typename V::Number;
  using Integer = typename V::Integer;

  /// |limb| <= 2^50 + 2^12 where reduced.
  struct Element {
    Number limb[5];
  };
  /// Five folded columns, each off by a multiple of `constant`, which the carry takes off.
  struct Columns {
    Integer sum[5];
    std::uint64_t constant[5];
  };

  static Columns multiply(const Element& a, const Element& b) {
    Accumulator columns;
#pragma GCC unroll 5
    for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 5
      for (int j = 0; j < 5; ++j) columns.add(i + j, V::product(a.limb[i], b.limb[j]));
    }
    return columns.fold();
  }

  static Columns square(const Element& a) {
    Accumulator columns;
#pragma GCC unroll 5
    for (int i = 0; i < 5; ++i) {
      columns.add(2 * i, V::product(a.limb[i], a.limb[i]));
      const Number twice = V::add(a.limb[i], a.limb[i]);
#pragma GCC unroll 5
      for (int j = i + 1; j < 5; ++j) columns.add(i + j, V::product(twice, a.limb[j]));
    }
    return columns.fold();
  }

  static Columns add(const Columns& a, const Columns& b) {
    Columns r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) {
      r.sum[k] = V::add(a.sum[k], b.sum[k]);
      r.constant[k] = a.constant[k] + b.constant[k];
    }
    return r;
  }

  static Columns subtract(const Columns& a, const Columns& b) {
    Columns r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) {
      r.sum[k] = V::sub(a.sum[k], b.sum[k]);
      r.constant[k] = a.constant[k] - b.constant[k];
    }
    return r;
  }

  /// Reduced, if the columns are within 2^61 of their constants.
  static Element carry(const Columns& columns) {
    // Half a limb for rounding, and the middle of the 13 bits above.
    constexpr std::uint64_t kBias = (std::uint64_t{4096} << 51) + (std::uint64_t{1} << 50);
    Integer top[5];
    Integer bottom[5];
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) {
      const Integer biased = V::add(columns.sum[k], V::constant(kBias - columns.constant[k]));
      top[k] = V::top(biased);
      bottom[k] = V::bottom(biased);
    }
    Element r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) {
      const Integer carried = k == 0 ? V::times19(top[4]) : top[k - 1];
      const std::uint64_t bias = (k == 0 ? 19 * 4096 : 4096) + (std::uint64_t{1} << 50);
      r.limb[k] = V::sub(V::number(V::add(bottom[k], carried)), V::number(V::constant(bias)));
    }
    return r;
  }

  /// Twice the reduced range.
  static Element difference(const Element& a, const Element& b) {
    Element r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) r.limb[k] = V::sub(a.limb[k], b.limb[k]);
    return r;
  }

  /// aa + 121665 e for e = difference(): |limb| <= 2^50 + 2^22.
  static Element add_a24_times(const Element& e, const Element& aa) {
    Number high[5];
    Element r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) high[k] = V::add_a24_high(e.limb[k], aa.limb[k]);
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) {
      const Number carried = V::carried(high[k == 0 ? 4 : k - 1], k == 0 ? 19 : 1);
      r.limb[k] = V::add(V::add_a24_rest(e.limb[k], aa.limb[k], high[k]), carried);
    }
    return r;
  }

  template <class Select>
  static Element select(const Element& a, const Element& b, Select select) {
    Element r;
#pragma GCC unroll 5
    for (int k = 0; k < 5; ++k) r.limb[k] = V::select(a.limb[k], b.limb[k], select);
    return r;
  }

  /// Sums and differences of x and z, as the ladder keeps its points.
  struct Point {
    Element plus, minus;
  };

  static Point point_double(const Point& p) {
    const Element aa = carry(square(p.plus));
    const Element bb = carry(square(p.minus));
    const Element e = difference(aa, bb);
    const Columns x = multiply(aa, bb);
    const Columns z = multiply(e, add_a24_times(e, aa));
    return {carry(add(x, z)), carry(subtract(x, z))};
  }

  /// q = p + q given the u-coordinate of their difference, p = 2 p, or 2 q where selected.
  template <class Select>
  static void ladder_step(Point& p, Point& q, const Element& u1, Select chosen) {
    const Columns da = multiply(q.minus, p.plus);
    const Columns cb = multiply(q.plus, p.minus);
    p = point_double({select(p.plus, q.plus, chosen), select(p.minus, q.minus, chosen)});
    const Columns x = square(carry(add(da, cb)));
    const Columns z = multiply(u1, carry(square(carry(subtract(da, cb)))));
    q = {carry(add(x, z)), carry(subtract(x, z))};
  }

 private:
  struct Accumulator {
    Integer sum[10] = {};
    std::uint64_t constant[10] = {};
    bool used[10] = {};

    void add(int k, const Halves<V>& product) {
      add(k, product.low, std::uint64_t{0x4338} << 48);
      add(k + 1, product.high, std::uint64_t{0x4668} << 48);
    }
    void add(int k, Integer value, std::uint64_t offset) {
      sum[k] = used[k] ? V::add(sum[k], value) : value;
      constant[k] += offset;
      used[k] = true;
    }
    /// 2^255 = 19.
    Columns fold() const {
      Columns r;
#pragma GCC unroll 5
      for (int k = 0; k < 5; ++k) {
        const Integer high = sum[k + 5];
        const Integer three = V::add(V::add(high, high), high);
        r.sum[k] = V::add(V::add(sum[k], three), V::shift_left(high, 4));
        r.constant[k] = constant[k] + 19 * constant[k + 5];
      }
      return r;
    }
  };
};

}  // namespace pssst::crypto
