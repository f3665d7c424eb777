#include "crypto/field25519.hpp"

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <functional>

#include "crypto/curve25519.hpp"
#include "crypto/reference.hpp"

namespace pssst::crypto {
namespace {

using BignumPointer = std::unique_ptr<BIGNUM, test::OpensslDeleter<BN_free>>;
using BignumContextPointer = std::unique_ptr<BN_CTX, test::OpensslDeleter<BN_CTX_free>>;

/// OpenSSL's integers modulo p, the reference.
class Reference {
 public:
  Reference() : context_(BN_CTX_new()), p_(BN_new()) {
    BN_set_bit(p_.get(), 255);
    BN_sub_word(p_.get(), 19);
  }

  static BignumPointer value(const Field25519& a) {
    BignumPointer sum(BN_new());
    for (int i = 4; i >= 0; --i) {
      BN_lshift(sum.get(), sum.get(), 51);
      BN_add_word(sum.get(), a.limb[i]);
    }
    return sum;
  }
  [[nodiscard]] Bytes32 bytes(const BIGNUM* number) const {
    const BignumPointer reduced(BN_new());
    BN_nnmod(reduced.get(), number, p_.get(), context_.get());
    Bytes32 bytes{};
    BN_bn2lebinpad(reduced.get(), bytes.data(), 32);
    return bytes;
  }
  [[nodiscard]] Bytes32 bytes(const Field25519& a) const { return bytes(value(a).get()); }

  using Operation = std::function<void(BIGNUM*, const BIGNUM*, const BIGNUM*, BN_CTX*)>;
  [[nodiscard]] Bytes32 apply(const Operation& operation, const Field25519& a,
                              const Field25519& b) const {
    const BignumPointer result(BN_new());
    operation(result.get(), value(a).get(), value(b).get(), context_.get());
    return bytes(result.get());
  }
  /// a^((p + offset) / divisor)
  [[nodiscard]] Bytes32 power(const Field25519& a, int offset, BN_ULONG divisor) const {
    const BignumPointer exponent(BN_dup(p_.get()));
    BN_sub_word(exponent.get(), static_cast<BN_ULONG>(-offset));
    BN_div_word(exponent.get(), divisor);
    const BignumPointer result(BN_new());
    BN_mod_exp(result.get(), value(a).get(), exponent.get(), p_.get(), context_.get());
    return bytes(result.get());
  }

 private:
  BignumContextPointer context_;
  BignumPointer p_;
};

constexpr std::uint64_t kReducedEnd = (std::uint64_t{1} << 51) + (std::uint64_t{1} << 13);
constexpr std::uint64_t kLooseEnd = std::uint64_t{1} << 54;

bool is_reduced(const Field25519& a) {
  return std::all_of(std::begin(a.limb), std::end(a.limb),
                     [](std::uint64_t limb) { return limb < kReducedEnd; });
}

Bytes32 canonical(const Field25519& a) {
  Bytes32 bytes{};
  field_to_bytes(a, bytes.data());
  return bytes;
}

/// Elements with limbs below `end`: all limbs largest, one largest, one zero, the edges of p and
/// random ones.
///
/// The largest limbs prove the ranges: up to the masks, every intermediate value of an operation
/// is a sum of products of limbs with positive factors, so none is larger for smaller limbs, and
/// one that wrapped around would show as a wrong result here.
std::vector<Field25519> elements(std::uint64_t end, std::uint64_t seed) {
  const std::uint64_t top = end - 1;
  std::vector<Field25519> list{{{top, top, top, top, top}}, {{0, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}};
  for (std::size_t i = 0; i < 5; ++i) {
    Field25519 one{{0, 0, 0, 0, 0}};
    one.limb[i] = top;
    list.push_back(one);
    Field25519 others{{top, top, top, top, top}};
    others.limb[i] = 0;
    list.push_back(others);
  }
  for (const std::uint64_t low : {18u, 19u, 20u}) {  // p + 1, p, p - 1
    list.push_back({{kLimbMask + 1 - low, kLimbMask, kLimbMask, kLimbMask, kLimbMask}});
  }
  list.push_back({{kLimbMask, kLimbMask, kLimbMask, kLimbMask, kLimbMask}});
  list.push_back({{kLimbMask, kLimbMask, kLimbMask, kLimbMask, kLimbMask + 1}});
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100; ++i) {
    Field25519 element{};
    for (std::uint64_t& limb : element.limb) limb = random() % end;
    list.push_back(element);
  }
  return list;
}

void subtract(BIGNUM* r, const BIGNUM* a, const BIGNUM* b, BN_CTX*) {
  BN_sub(r, a, b);
}
void add(BIGNUM* r, const BIGNUM* a, const BIGNUM* b, BN_CTX*) {
  BN_add(r, a, b);
}
void multiply(BIGNUM* r, const BIGNUM* a, const BIGNUM* b, BN_CTX* context) {
  BN_mul(r, a, b, context);
}

TEST(Field25519, AddAndSubtractOnReduced) {
  const Reference reference;
  for (const Field25519& a : elements(kReducedEnd, 30)) {
    for (const Field25519& b : elements(kReducedEnd, 31)) {
      const Field25519 sum = field_add(a, b);
      const Field25519 difference = field_subtract(a, b);
      ASSERT_EQ(reference.bytes(sum), reference.apply(add, a, b));
      ASSERT_EQ(reference.bytes(difference), reference.apply(subtract, a, b));
      for (int i = 0; i < 5; ++i) {
        ASSERT_LT(sum.limb[i], kLooseEnd / 2);
        ASSERT_LT(difference.limb[i], kLooseEnd / 2);
      }
    }
  }
}

TEST(Field25519, MultiplyOnLooseGivesReduced) {
  const Reference reference;
  for (const Field25519& a : elements(kLooseEnd, 32)) {
    for (const Field25519& b : elements(kLooseEnd, 33)) {
      const Field25519 product = field_multiply(a, b);
      ASSERT_TRUE(is_reduced(product));
      ASSERT_EQ(canonical(product), reference.apply(multiply, a, b));
    }
  }
}

TEST(Field25519, SquareAndSmallMultiplesOnLooseGiveReduced) {
  const Reference reference;
  for (const Field25519& a : elements(kLooseEnd, 34)) {
    const Field25519 square = field_square(a);
    ASSERT_TRUE(is_reduced(square));
    ASSERT_EQ(canonical(square), reference.apply(multiply, a, a));
    for (const std::uint32_t factor : {0u, 1u, kA24, (1u << 17) - 1}) {
      const Field25519 multiple = field_multiply_small(a, factor);
      ASSERT_TRUE(is_reduced(multiple));
      ASSERT_EQ(canonical(multiple), reference.apply(multiply, a, field_small(factor)));
    }
  }
}

TEST(Field25519, SquareOfReducedAndSquareTimesOnLooseGiveReduced) {
  const Reference reference;
  for (const Field25519& a : elements(kReducedEnd, 38)) {
    const Field25519 square = field_square_reduced(a);
    ASSERT_TRUE(is_reduced(square));
    ASSERT_EQ(canonical(square), reference.apply(multiply, a, a));
  }
  for (const Field25519& a : elements(kLooseEnd, 39)) {
    Field25519 power = a;
    for (int n = 1; n < 8; ++n) {
      power = field_multiply(power, power);
      const Field25519 squares = field_square_times(a, n);
      ASSERT_TRUE(is_reduced(squares));
      ASSERT_EQ(canonical(squares), canonical(power));
    }
  }
}

TEST(Field25519, InvertAndEulerOnLoose) {
  const Reference reference;
  for (const Field25519& a : elements(kLooseEnd, 35)) {
    const Field25519 inverse = field_invert(a);
    const Field25519 euler = field_euler(a);
    ASSERT_TRUE(is_reduced(inverse));
    ASSERT_TRUE(is_reduced(euler));
    ASSERT_EQ(canonical(inverse), reference.power(a, -2, 1));
    ASSERT_EQ(canonical(euler), reference.power(a, -1, 2));
  }
}

TEST(Field25519, ToBytesIsCanonicalAndZeroMaskExact) {
  const Reference reference;
  for (const Field25519& a : elements(kReducedEnd, 36)) {
    ASSERT_EQ(canonical(a), reference.bytes(a));
    ASSERT_EQ(field_zero_mask(a), reference.bytes(a) == Bytes32{} ? ~std::uint64_t{0} : 0);
  }
}

TEST(Field25519, FromBytesIgnoresBit255AndReduces) {
  const Reference reference;
  test::SeededBytes random(37);
  std::vector<Bytes32> inputs = test::adversarial_points();
  for (int i = 0; i < 100; ++i) inputs.push_back(random.bytes32());
  for (Bytes32 input : inputs) {
    const Field25519 element = field_from_bytes(input.data());
    ASSERT_TRUE(is_reduced(element));
    input.back() &= 0x7f;
    const BignumPointer number(BN_lebin2bn(input.data(), 32, nullptr));
    ASSERT_EQ(canonical(element), reference.bytes(number.get()));
  }
}

TEST(Field25519, SwapFollowsTheMask) {
  const Field25519 one{{1, 2, 3, 4, 5}};
  const Field25519 other{{~std::uint64_t{0}, 7, 8, 9, 10}};
  Field25519 a = one;
  Field25519 b = other;
  field_swap(a, b, 0);
  EXPECT_TRUE(std::equal(std::begin(a.limb), std::end(a.limb), std::begin(one.limb)));
  EXPECT_TRUE(std::equal(std::begin(b.limb), std::end(b.limb), std::begin(other.limb)));
  field_swap(a, b, ~std::uint64_t{0});
  EXPECT_TRUE(std::equal(std::begin(a.limb), std::end(a.limb), std::begin(other.limb)));
  EXPECT_TRUE(std::equal(std::begin(b.limb), std::end(b.limb), std::begin(one.limb)));
}

}  // namespace
}  // namespace pssst::crypto
