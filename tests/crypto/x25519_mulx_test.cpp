// The generated step of the mulx kernel on this CPU, against OpenSSL's integers; what the kernel
// computes with it is in x25519_test.cpp and x25519_vectors_test.cpp.
#include <gtest/gtest.h>
#include <openssl/bn.h>

#include "base/cpu_features.hpp"
#include "crypto/reference.hpp"
#include "crypto/scratch_registers.hpp"
#include "crypto/x25519_mulx_step.hpp"

extern "C" {
// Written by x25519_mulx_assemble.py --operations: G = operation(A, B).
void x25519_mulx_test_multiply(std::uint64_t* slots, std::uint64_t count);
void x25519_mulx_test_square(std::uint64_t* slots, std::uint64_t count);
void x25519_mulx_test_add(std::uint64_t* slots, std::uint64_t count);
void x25519_mulx_test_subtract(std::uint64_t* slots, std::uint64_t count);
void x25519_mulx_test_add_a24_times(std::uint64_t* slots, std::uint64_t count);
}

namespace pssst::crypto {
namespace {

using BignumPointer = std::unique_ptr<BIGNUM, test::OpensslDeleter<BN_free>>;
using BignumContextPointer = std::unique_ptr<BN_CTX, test::OpensslDeleter<BN_CTX_free>>;
using Words = std::array<std::uint64_t, 4>;
using Slots = std::array<std::uint64_t, kMulxSlots>;

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr BN_ULONG kA24 = 121665;
constexpr std::size_t kSlotG = 36;

/// Integers modulo p: the reference.
class Modular {
 public:
  Modular() : context_(BN_CTX_new()), p_(BN_new()) {
    BN_set_bit(p_.get(), 255);
    BN_sub_word(p_.get(), 19);
  }
  [[nodiscard]] static BignumPointer number(const std::uint64_t* words) {
    return BignumPointer(
        BN_lebin2bn(reinterpret_cast<const unsigned char*>(words), sizeof(Words), nullptr));
  }
  [[nodiscard]] BignumPointer reduced(const BIGNUM* a) const {
    BignumPointer r(BN_new());
    BN_nnmod(r.get(), a, p_.get(), context_.get());
    return r;
  }
  [[nodiscard]] BignumPointer add(const BIGNUM* a, const BIGNUM* b) const {
    BignumPointer r(BN_new());
    BN_mod_add(r.get(), a, b, p_.get(), context_.get());
    return r;
  }
  [[nodiscard]] BignumPointer subtract(const BIGNUM* a, const BIGNUM* b) const {
    BignumPointer r(BN_new());
    BN_mod_sub(r.get(), a, b, p_.get(), context_.get());
    return r;
  }
  [[nodiscard]] BignumPointer multiply(const BIGNUM* a, const BIGNUM* b) const {
    BignumPointer r(BN_new());
    BN_mod_mul(r.get(), a, b, p_.get(), context_.get());
    return r;
  }
  [[nodiscard]] BignumPointer add_a24_times(const BIGNUM* aa, const BIGNUM* e) const {
    const BignumPointer product(BN_dup(e));
    BN_mul_word(product.get(), kA24);
    return add(aa, product.get());
  }
  [[nodiscard]] bool congruent(const std::uint64_t* words, const BIGNUM* expected) const {
    return BN_cmp(reduced(number(words).get()).get(), reduced(expected).get()) == 0;
  }

 private:
  BignumContextPointer context_;
  BignumPointer p_;
};

std::string hex(const std::uint64_t* words) {
  std::string text;
  for (int i = 3; i >= 0; --i) {
    std::array<char, 17> word{};
    std::snprintf(word.data(), word.size(), "%016llx", static_cast<unsigned long long>(words[i]));
    text += word.data();
  }
  return text;
}

/// 2^255 + 2^210, the end of the range that x25519_mulx_step.py calls reduced.
constexpr Words kReducedEnd{0, 0, 0, (std::uint64_t{1} << 63) + (std::uint64_t{1} << 18)};

bool is_reduced(const Words& a) {
  return std::lexicographical_compare(a.rbegin(), a.rend(), kReducedEnd.rbegin(),
                                      kReducedEnd.rend());
}

/// a + offset modulo 2^256.
Words shifted(Words a, std::int64_t offset) {
  std::uint64_t addend = static_cast<std::uint64_t>(offset);
  const std::uint64_t sign = offset < 0 ? kOnes : 0;
  std::uint64_t carry = 0;
  for (std::uint64_t& word : a) {
    const std::uint64_t sum = word + addend;
    const std::uint64_t next = (sum < addend ? 1u : 0u) + (sum + carry < sum ? 1u : 0u);
    word = sum + carry;
    carry = next;
    addend = sign;
  }
  return a;
}

/// Edges of the range, of p and its multiples and of the words, and random values.
std::vector<Words> elements(std::uint64_t seed) {
  std::vector<Words> list;
  const Words p{kOnes - 18, kOnes, kOnes, kOnes >> 1};
  const Words two_p{kOnes - 37, kOnes, kOnes, kOnes};
  for (const Words& edge : {Words{}, p, two_p, kReducedEnd}) {
    for (const std::int64_t offset :
         {-39, -38, -37, -20, -19, -18, -2, -1, 0, 1, 2, 18, 19, 37, 38}) {
      list.push_back(shifted(edge, offset));
    }
  }
  for (unsigned mask = 0; mask < 16; ++mask) {
    Words ones{};
    Words nearly{};
    Words top{};
    for (std::size_t i = 0; i < 4; ++i) {
      const bool set = (mask >> i & 1) != 0;
      ones.at(i) = set ? kOnes : 0;
      nearly.at(i) = set ? kOnes - 1 : 1;
      top.at(i) = set ? std::uint64_t{1} << 63 : kOnes >> 1;
    }
    list.insert(list.end(), {ones, nearly, top});
  }
  std::mt19937_64 random(seed);
  for (int i = 0; i < 40; ++i) {
    Words element{};
    for (std::uint64_t& word : element) word = random();
    list.push_back(element);
  }
  return list;
}

std::vector<Words> reduced_elements(std::uint64_t seed) {
  std::vector<Words> list = elements(seed);
  std::erase_if(list, [](const Words& a) { return !is_reduced(a); });
  return list;
}

class MulxStep : public testing::Test {
 protected:
  void SetUp() override {
    if (!base::cpu_features().bmi2) GTEST_SKIP() << "this CPU has no mulx";
  }

  static Words run(void (*operation)(std::uint64_t*, std::uint64_t), const Words& a,
                   const Words& b) {
    Slots slots{};
    put(slots, kMulxSlotA, a);
    put(slots, kMulxSlotB, b);
    operation(slots.data(), 1);
    return get(slots, kSlotG);
  }
  static void put(Slots& slots, std::size_t slot, const Words& words) {
    std::copy(words.begin(), words.end(), slots.begin() + static_cast<std::ptrdiff_t>(slot));
  }
  static Words get(const Slots& slots, std::size_t slot) {
    Words words{};
    std::copy_n(slots.begin() + static_cast<std::ptrdiff_t>(slot), words.size(), words.begin());
    return words;
  }

  /// G against `expected`, and in the range.
  void expect(const Words& g, const BignumPointer& expected, const Words& a, const Words& b,
              bool gives_reduced) const {
    ASSERT_TRUE(modular_.congruent(g.data(), expected.get()))
        << hex(a.data()) << " and " << hex(b.data()) << " give " << hex(g.data());
    ASSERT_TRUE(!gives_reduced || is_reduced(g)) << hex(g.data());
  }

  Modular modular_;
};

TEST_F(MulxStep, MultiplyAndSquareOnLooseGiveReduced) {
  const std::vector<Words> list = elements(50);
  for (const Words& a : list) {
    const BignumPointer number = Modular::number(a.data());
    expect(run(x25519_mulx_test_square, a, {}), modular_.multiply(number.get(), number.get()), a, a,
           true);
    for (const Words& b : list) {
      expect(run(x25519_mulx_test_multiply, a, b),
             modular_.multiply(number.get(), Modular::number(b.data()).get()), a, b, true);
    }
    if (HasFatalFailure()) return;
  }
}

TEST_F(MulxStep, AddA24TimesOnLooseGivesReduced) {
  const std::vector<Words> list = elements(51);
  for (const Words& aa : list) {
    for (const Words& e : list) {
      expect(
          run(x25519_mulx_test_add_a24_times, aa, e),
          modular_.add_a24_times(Modular::number(aa.data()).get(), Modular::number(e.data()).get()),
          aa, e, true);
    }
    if (HasFatalFailure()) return;
  }
}

TEST_F(MulxStep, AddAndSubtractOnReduced) {
  const std::vector<Words> list = reduced_elements(52);
  ASSERT_GT(list.size(), 60u);
  for (const Words& a : list) {
    const BignumPointer number = Modular::number(a.data());
    for (const Words& b : list) {
      const BignumPointer other = Modular::number(b.data());
      expect(run(x25519_mulx_test_add, a, b), modular_.add(number.get(), other.get()), a, b, false);
      expect(run(x25519_mulx_test_subtract, a, b), modular_.subtract(number.get(), other.get()), a,
             b, false);
    }
    if (HasFatalFailure()) return;
  }
}

/// RFC 7748, section 5, on A = x2 + z2 and so on.
class Reference {
 public:
  Reference(const Modular& m, const Slots& slots) : m_(m) {
    for (std::size_t i = 0; i < state_.size(); ++i) {
      state_.at(i) = Modular::number(slots.data() + 4 * i);
    }
  }
  void step(bool select) {
    const auto& [a, b, c, d, u] = state_;
    const BignumPointer da = m_.multiply(d.get(), a.get());
    const BignumPointer cb = m_.multiply(c.get(), b.get());
    const BignumPointer sum = m_.add(da.get(), cb.get());
    const BignumPointer difference = m_.subtract(da.get(), cb.get());
    const BignumPointer x3 = m_.multiply(sum.get(), sum.get());
    const BignumPointer square = m_.multiply(difference.get(), difference.get());
    const BignumPointer z3 = m_.multiply(u.get(), square.get());
    if (select) {
      state_[0].swap(state_[2]);
      state_[1].swap(state_[3]);
    }
    double_point();
    state_[2] = m_.add(x3.get(), z3.get());
    state_[3] = m_.subtract(x3.get(), z3.get());
  }
  void double_point() {
    const BignumPointer aa = m_.multiply(state_[0].get(), state_[0].get());
    const BignumPointer bb = m_.multiply(state_[1].get(), state_[1].get());
    const BignumPointer e = m_.subtract(aa.get(), bb.get());
    const BignumPointer x2 = m_.multiply(aa.get(), bb.get());
    const BignumPointer z2 = m_.multiply(e.get(), m_.add_a24_times(aa.get(), e.get()).get());
    state_[0] = m_.add(x2.get(), z2.get());
    state_[1] = m_.subtract(x2.get(), z2.get());
  }
  void expect(const Slots& slots) const {
    for (std::size_t i = 0; i < state_.size(); ++i) {
      ASSERT_TRUE(m_.congruent(slots.data() + 4 * i, state_.at(i).get())) << "ABCDU"[i];
    }
  }

 private:
  const Modular& m_;
  std::array<BignumPointer, 5> state_;
};

TEST_F(MulxStep, LadderStepsFollowTheFormulasAndTheSelectBits) {
  const std::vector<Words> list = elements(53);
  std::mt19937_64 random(54);
  for (int i = 0; i < 500; ++i) {
    Slots slots{};
    for (const std::size_t slot : {kMulxSlotA, kMulxSlotB, kMulxSlotC, kMulxSlotD, kMulxSlotU}) {
      put(slots, slot, list.at(random() % list.size()));
    }
    const std::uint64_t select = random();
    slots.at(kMulxSlotSelect) = select;
    Reference reference(modular_, slots);
    const std::uint64_t count = 1 + random() % 4;
    x25519_mulx_ladder_steps(slots.data(), count);
    for (std::uint64_t bit = 0; bit < count; ++bit) reference.step((select << bit >> 63) != 0);
    reference.expect(slots);
    EXPECT_EQ(slots.at(kMulxSlotSelect), select << count);
    if (HasFatalFailure()) return;
  }
}

TEST_F(MulxStep, DoublingsFollowTheFormulas) {
  const std::vector<Words> list = elements(55);
  std::mt19937_64 random(56);
  for (int i = 0; i < 500; ++i) {
    Slots slots{};
    put(slots, kMulxSlotA, list.at(random() % list.size()));
    put(slots, kMulxSlotB, list.at(random() % list.size()));
    Reference reference(modular_, slots);
    const std::uint64_t count = 1 + random() % 4;
    x25519_mulx_doublings(slots.data(), count);
    for (std::uint64_t j = 0; j < count; ++j) reference.double_point();
    reference.expect(slots);
    if (HasFatalFailure()) return;
  }
}

TEST_F(MulxStep, ScratchRegistersComeBackZero) {
  for (const auto function : {x25519_mulx_ladder_steps, x25519_mulx_doublings}) {
    Slots slots{};
    slots.fill(0x123456789abcdef);
    EXPECT_EQ(test::registers_after(function, slots.data()), (std::array<std::uint64_t, 8>{}));
    EXPECT_NE(slots.front(), 0x123456789abcdefu);
  }
}

}  // namespace
}  // namespace pssst::crypto
