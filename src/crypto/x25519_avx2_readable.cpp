#include <immintrin.h>

#include "crypto/x25519_avx2_field.hpp"
#include "crypto/x25519_avx2_lanes.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

/// Four lanes of intrinsics.
struct Ymm {
  using Number = __m256d;
  using Integer = __m256i;

  static Number number(double value) { return _mm256_set1_pd(value); }
  static Integer constant(std::uint64_t value) {
    return _mm256_set1_epi64x(static_cast<long long>(value));
  }

  static Number add(Number a, Number b) { return _mm256_add_pd(a, b); }
  static Number sub(Number a, Number b) { return _mm256_sub_pd(a, b); }
  static Halves<Ymm> product(Number a, Number b) {
    const Number high = _mm256_fmadd_pd(a, b, number(0x1.8p103));
    const Number rest = _mm256_sub_pd(high, number(0x1.8p103 + 0x1.8p52));
    const Number low = _mm256_fmsub_pd(a, b, rest);
    return {_mm256_castpd_si256(low), _mm256_castpd_si256(high)};
  }

  static Integer add(Integer a, Integer b) { return _mm256_add_epi64(a, b); }
  static Integer sub(Integer a, Integer b) { return _mm256_sub_epi64(a, b); }
  static Integer shift_left(Integer a, int count) { return _mm256_slli_epi64(a, count); }
  static Integer top(Integer a) { return _mm256_srli_epi64(a, 51); }
  static Integer bottom(Integer a) {
    return _mm256_and_si256(a, constant((std::uint64_t{1} << 51) - 1));
  }
  static Integer times19(Integer a) { return _mm256_mul_epu32(a, constant(19)); }
  /// By the exponent of 2^52, which is then taken off.
  static Number number(Integer a) {
    const Number scaled = _mm256_castsi256_pd(_mm256_or_si256(a, constant(0x433ULL << 52)));
    return _mm256_sub_pd(scaled, number(0x1p52));
  }

  static Number add_a24_high(Number e, Number aa) {
    const Number magic = number(0x1.8p103);
    const Number total = _mm256_fmadd_pd(e, number(121665.0), aa);
    return _mm256_sub_pd(_mm256_add_pd(total, magic), magic);
  }
  static Number add_a24_rest(Number e, Number aa, Number high) {
    return _mm256_add_pd(_mm256_fmsub_pd(e, number(121665.0), high), aa);
  }
  static Number carried(Number high, int times) {
    return _mm256_mul_pd(high, number(times * 0x1p-51));
  }

  static Number select(Number a, Number b, Number sign) { return _mm256_blendv_pd(a, b, sign); }
};

using Field = Avx2Field<Ymm>;

Field::Element load(const double (*slots)[kAvx2Lanes]) noexcept {
  Field::Element r;
  for (int i = 0; i < 5; ++i) r.limb[i] = _mm256_load_pd(slots[i]);
  return r;
}

void store(const Field::Element& a, double (*slots)[kAvx2Lanes]) noexcept {
  for (int i = 0; i < 5; ++i) _mm256_store_pd(slots[i], a.limb[i]);
}

/// What the compiler spilled while four lanes were multiplied.
[[gnu::noinline]] void wipe_spills() noexcept {
  std::uint8_t spills[16384];
  __builtin_memset(spills, 0, sizeof spills);
  __asm__ volatile("" : : "r"(spills) : "memory");
  _mm256_zeroall();
}

[[gnu::noinline]] void multiply_four(Avx2Workspace& w) noexcept {
  Field::Point q{load(w.slots + kAvx2SlotC), load(w.slots + kAvx2SlotD)};
  Field::Point p = Field::point_double(q);
  const Field::Element u1 = load(w.slots + kAvx2SlotU1);
  __m256i select = _mm256_setzero_si256();
  for (int word = kAvx2ScalarWords - 1; word >= 0; --word) {
    select = _mm256_load_si256(reinterpret_cast<const __m256i*>(w.select[word]));
    for (std::uint64_t i = 0; i < kAvx2StepsInWord[word]; ++i) {
      Field::ladder_step(p, q, u1, _mm256_castsi256_pd(select));
      select = _mm256_add_epi64(select, select);
    }
  }
  const __m256d sign = _mm256_castsi256_pd(select);
  p = {Field::select(p.plus, q.plus, sign), Field::select(p.minus, q.minus, sign)};
  for (int i = 0; i < 3; ++i) p = Field::point_double(p);
  store(p.plus, w.slots + kAvx2SlotA);
  store(p.minus, w.slots + kAvx2SlotB);
}

}  // namespace

void x25519_ladders_avx2_readable(const std::uint8_t* const* scalars, const std::uint8_t* points,
                                  ProjectivePoint* results, std::size_t n) noexcept {
  avx2_ladders(scalars, points, results, n, multiply_four);
  wipe_spills();
}

}  // namespace pssst::crypto
