#include "crypto/proof_check.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/hex.hpp"
#include "crypto/proof_digits.hpp"
#include "crypto/proof_testing.hpp"
#include "crypto/public_key_check.hpp"

namespace pssst::crypto {
namespace {

using test::ProofLanes;
using test::SeededBytes;

/// The group order l, little-endian, times `factor` below 8.
Bytes32 order_times(unsigned factor) {
  Bytes32 order{};
  EXPECT_TRUE(
      base::from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order));
  unsigned carry = 0;
  for (std::uint8_t& byte : order) {
    carry += byte * factor;
    byte = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return order;
}

/// Scalars at the edges: of the clamping, of multiples of l, of k being odd or even, of the comb's
/// columns and digits.
std::vector<Bytes32> adversarial_scalars() {
  Bytes32 ones{};
  ones.fill(0xff);
  std::vector<Bytes32> list{Bytes32{}, ones, test::small_value(8), test::near_p(0)};
  for (unsigned factor = 1; factor < 8; ++factor) {
    for (int offset = -24; offset <= 24; offset += 8) {
      list.push_back(test::add_small(order_times(factor), offset));
    }
  }
  for (int steps = -6; steps <= 6; ++steps) {
    list.push_back(test::add_small(ones, 8 * steps - 7));  // k about 2^252
    Bytes32 middle{};                                      // k about 2^251 + 2^250
    middle[31] = 0x60;
    list.push_back(test::add_small(middle, std::int64_t{8} * steps));
  }
  // One bit, all but one, and runs of bits of e, on both sides of each column and each tooth.
  for (std::size_t bit = 3; bit < 255; ++bit) {
    Bytes32 one{};
    one.at(bit / 8) = static_cast<std::uint8_t>(1u << bit % 8);
    list.push_back(one);
    list.push_back(test::add_small(one, -8));
    for (std::size_t i = 0; i < 32; ++i) one.at(i) = static_cast<std::uint8_t>(~one.at(i));
    list.push_back(one);
  }
  return list;
}

class ProofCheckTest : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    const auto kernels = proof_kernels();
    kernel_ = &kernels[GetParam()];
    // A kernel that this CPU does not run: its checks are those of the portable one.
    if (!kernel_->supported()) {
      kernel_ = &proof_kernel_beside(*select_x25519_kernel("portable"));
    }
  }
  /// Also of a key that no enrolment takes.
  ProofTable& table_of(const Bytes32& key) {
    ProofTable& table = tables_.emplace_back();
    EXPECT_TRUE(make_proof_table(key.data(), kernel().form, table)) << base::to_hex(key);
    return table;
  }
  [[nodiscard]] const ProofKernel& kernel() const { return *kernel_; }

  SeededBytes random_{60};
  ProofLanes lanes_;
  std::deque<ProofTable> tables_;

 private:
  const ProofKernel* kernel_ = nullptr;
};

std::string kernel_name(const testing::TestParamInfo<std::size_t>& info) {
  return std::string(proof_kernels()[info.param].name);
}
INSTANTIATE_TEST_SUITE_P(Proofs, ProofCheckTest,
                         testing::Range(std::size_t{0}, proof_kernels().size()), kernel_name);

TEST_P(ProofCheckTest, RightProofsOfRandomScalars) {
  for (int i = 0; i < 8; ++i) {
    const Bytes32 key = test::honest_key(random_);
    ASSERT_EQ(check_public_key(key), PublicKeyFault::kNone);
    const ProofTable& table = table_of(key);
    for (int j = 0; j < 128; ++j) {
      const Bytes32 e = random_.bytes32();
      lanes_.add(e, key, table, test::reference_x25519(e, key));
    }
  }
  EXPECT_EQ(lanes_.expect_agreement(kernel(), kX25519LanesMax), std::pair(1024, 0));
}

TEST_P(ProofCheckTest, AdversarialScalars) {
  const Bytes32 key = test::honest_key(random_);
  const ProofTable& table = table_of(key);
  const auto scalars = adversarial_scalars();
  for (const Bytes32& e : scalars) lanes_.add(e, key, table, test::reference_x25519(e, key));
  const auto count = static_cast<int>(scalars.size());
  EXPECT_EQ(lanes_.expect_agreement(kernel(), kX25519LanesMax), std::pair(count, 0));
}

/// What a caller may send as dh besides the right one.
std::vector<Bytes32> wrong_results(const Bytes32& right, SeededBytes& random) {
  std::vector<Bytes32> list = test::small_order_points();
  list.push_back(test::with_top_bit(right));
  list.push_back(random.bytes32());
  Bytes32 negative{};  // p less the right one
  int borrow = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const int difference = test::near_p(0)[i] - right[i] - borrow;
    borrow = difference < 0 ? 1 : 0;
    negative[i] = static_cast<std::uint8_t>(difference & 0xff);
  }
  list.push_back(negative);
  for (const int offset : {-1, 0, 1, 9, 18}) list.push_back(test::near_p(offset));
  return list;
}

TEST_P(ProofCheckTest, WrongResultsInEveryLanePosition) {
  const Bytes32 key = test::honest_key(random_);
  const ProofTable& table = table_of(key);
  const Bytes32 e = random_.bytes32();
  const Bytes32 right = test::reference_x25519(e, key);
  const auto wrong = wrong_results(right, random_);
  for (std::size_t n = 1; n <= 9; ++n) {
    for (std::size_t position = 0; position < n; ++position) {
      lanes_.clear();
      for (std::size_t i = 0; i < n; ++i) {
        lanes_.add(e, key, table, i == position ? wrong[(n + position) % wrong.size()] : right);
      }
      const X25519CheckResult result = lanes_.by_table(kernel(), 0, n);
      EXPECT_EQ(result.equal, ((LaneMask{1} << n) - 1) & ~(LaneMask{1} << position));
      EXPECT_EQ(result.zero, 0U);
    }
  }
  lanes_.clear();
  for (const Bytes32& expected : wrong) lanes_.add(e, key, table, expected);
  EXPECT_EQ(lanes_.expect_agreement(kernel(), kX25519LanesMax), std::pair(0, 0));
}

TEST_P(ProofCheckTest, EverySingleBitOfTheResultCounts) {
  const Bytes32 key = test::honest_key(random_);
  const ProofTable& table = table_of(key);
  const Bytes32 e = random_.bytes32();
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Bytes32 result = test::reference_x25519(e, key);
    result.at(bit / 8) ^= static_cast<std::uint8_t>(1u << bit % 8);
    lanes_.add(e, key, table, result);
  }
  EXPECT_EQ(lanes_.expect_agreement(kernel(), kX25519LanesMax), std::pair(0, 0));
}

TEST_P(ProofCheckTest, ANonCanonicalSpellingOfTheResultIsNotIt) {
  // As in x25519_test.cpp: 8 times this point, clamped, is the base point.
  Bytes32 key{};
  ASSERT_TRUE(
      base::from_hex("ad07d4e0fcacccaed915d2f0b7ff3744579fef3956b9bdf7a83b44ad9d6e5f31", key));
  ASSERT_EQ(check_public_key(key), PublicKeyFault::kNone);
  const ProofTable& table = table_of(key);
  lanes_.add(test::small_value(8), key, table, test::small_value(9));
  lanes_.add(test::small_value(8), key, table, test::near_p(9));
  EXPECT_EQ(lanes_.by_table(kernel(), 0, 2).equal, 1U);
}

// Enrolment refuses all of these keys; the check is right for them all the same.
TEST_P(ProofCheckTest, KeysWithTorsionAndAliases) {
  int made = 0;
  const auto add = [&](const Bytes32& key) {
    ProofTable& table = tables_.emplace_back();
    if (!make_proof_table(key.data(), kernel().form, table)) return;
    ++made;
    for (const Bytes32& e : {random_.bytes32(), random_.bytes32(), Bytes32{}, order_times(4)}) {
      lanes_.add(e, key, table, test::reference_x25519(e, key));
      lanes_.add(e, key, table, test::small_value(0));
      lanes_.add(e, key, table, test::small_value(1));
    }
  };
  for (int i = 0; i < 64; ++i) add(random_.bytes32());
  for (const Bytes32& key : test::adversarial_points()) add(key);
  for (const Bytes32& key : test::small_order_points()) add(key);
  EXPECT_GT(made, 60);
  const auto [equal, zero] = lanes_.expect_agreement(kernel(), kX25519LanesMax);
  EXPECT_GT(equal, 200);
  EXPECT_GT(zero, 100);
}

TEST_P(ProofCheckTest, EachLaneHasATableAndAScalarOfItsOwn) {
  std::vector<Bytes32> keys;
  for (std::size_t i = 0; i < kX25519LanesMax; ++i) {
    keys.push_back(test::honest_key(random_));
    table_of(keys.back());
  }
  for (std::size_t n = 0; n <= kX25519LanesMax; ++n) {
    lanes_.clear();
    LaneMask expected = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t who = (i * 7 + n) % keys.size();
      const Bytes32 e = random_.bytes32();
      // Every third lane names another client's table.
      const bool right = (i + n) % 3 != 0;
      lanes_.add(e, keys[who], tables_[right ? who : (who + 1) % keys.size()],
                 test::reference_x25519(e, keys[who]));
      expected |= LaneMask{right ? 1u : 0u} << i;
    }
    ASSERT_EQ(lanes_.by_table(kernel(), 0, n).equal, expected) << n;
  }
}

/// Integers modulo the prime 2^61 - 1, in which two different scalars are hardly ever equal.
class Residue {
 public:
  explicit Residue(const Bytes32& number) {
    for (std::size_t i = number.size(); i-- > 0;) {
      *this = twice(8);
      value_ = (value_ + number[i]) % kPrime;
    }
  }
  explicit Residue(std::uint64_t number) : value_(number % kPrime) {}
  [[nodiscard]] Residue twice(int times) const {
    Residue r = *this;
    for (int i = 0; i < times; ++i) r.value_ = 2 * r.value_ % kPrime;
    return r;
  }
  [[nodiscard]] Residue minus(const Residue& other) const {
    return Residue(value_ + kPrime - other.value_);
  }
  [[nodiscard]] Residue plus(const Residue& other) const { return Residue(value_ + other.value_); }
  bool operator==(const Residue&) const = default;

 private:
  static constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
  std::uint64_t value_ = 0;
};

/// What the digits stand for.
Residue sum_of(const ProofDigits& digits) {
  Residue sum(0);
  for (int c = 0; c < kProofColumns; ++c) {
    sum = sum.twice(1);
    for (int tooth = 0; tooth < kProofTeeth; ++tooth) {
      const bool as_top = tooth == kProofTeeth - 1 || (digits.entry[c] >> tooth & 1) != 0;
      const bool negative = as_top == (digits.negate[c] != 0);
      const Residue weight = Residue(1).twice(tooth * kProofColumns);
      sum = negative ? sum.minus(weight) : sum.plus(weight);
    }
  }
  return sum;
}

TEST(ProofDigits, AreTheScalarAndReachEveryEntryInEveryColumn) {
  SeededBytes random(61);
  std::vector<Bytes32> scalars = adversarial_scalars();
  for (int i = 0; i < 2000; ++i) scalars.push_back(random.bytes32());
  const Residue order = Residue(order_times(1)).twice(3);
  std::set<std::tuple<int, std::uint32_t, std::uint32_t>> seen;
  for (const Bytes32& e : scalars) {
    const Bytes32 clamped = X25519Scalar(e).clamped();
    ProofDigits digits;
    proof_digits(clamped.data(), digits);
    const Residue k_8(clamped);
    const bool odd = (clamped[0] & 8) != 0;
    ASSERT_EQ(sum_of(digits).twice(3), odd ? k_8 : order.minus(k_8)) << base::to_hex(e);
    for (int c = 0; c < kProofColumns; ++c) {
      ASSERT_LT(digits.entry[c], kProofEntries);
      seen.insert({c, digits.entry[c], digits.negate[c]});
    }
  }
  // The topmost digits are those of a k below 2^252 and are not free.
  EXPECT_GT(seen.size(), std::size_t{kProofColumns - 5} * 2 * kProofEntries);
}

TEST(ProofKernels, TheTableIsWellFormed) {
  std::set<std::string_view> names;
  for (const ProofKernel& kernel : proof_kernels()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    EXPECT_LE(kernel.vector_lanes, kX25519LanesMax);
  }
  EXPECT_TRUE(names.contains("portable"));
}

TEST(ProofKernels, NoneIsWiderThanTheLadders) {
  for (const X25519Kernel& ladders : x25519_kernels()) {
    if (!ladders.supported()) continue;
    const ProofKernel& kernel = proof_kernel_beside(ladders);
    EXPECT_TRUE(kernel.supported());
    EXPECT_LE(kernel.vector_lanes, ladders.vector_lanes) << ladders.name;
  }
  for (const char* name : {"avx512ifma", "avx2", "portable"}) {
    const X25519Kernel* ladders = select_x25519_kernel(name);
    if (ladders == nullptr) continue;
    EXPECT_EQ(proof_kernel_beside(*ladders).name, name);
  }
}

}  // namespace
}  // namespace pssst::crypto
