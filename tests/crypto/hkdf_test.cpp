#include "crypto/hkdf.hpp"

#include <map>
#include <tuple>

#include "base/hex.hpp"
#include "crypto/sha256_testing.hpp"
#include "support/vectors.hpp"

namespace pssst::crypto {
namespace {

using test::Bytes;
using test::LaneBytes;
using test::LaneKeys;

constexpr std::size_t kLanes = kX25519LanesMax;

struct Example {
  Bytes ikm, salt, info, prk, okm;

  using Shape = std::tuple<std::size_t, std::size_t, std::size_t>;
  /// The sizes that lanes of one batch share.
  [[nodiscard]] Shape shape() const { return {ikm.size(), info.size(), okm.size()}; }
};

Bytes hex(const std::string& digits) {
  return test::bytes(nlohmann::json(digits));
}

/// The bytes first, first + 1, ..., last.
Bytes range(int first, int last) {
  Bytes bytes;
  for (int byte = first; byte <= last; ++byte) bytes.push_back(static_cast<std::uint8_t>(byte));
  return bytes;
}

// RFC 5869, appendix A.1 to A.3.
std::vector<Example> rfc_5869() {
  return {{Bytes(22, 0x0b), range(0x00, 0x0c), range(0xf0, 0xf9),
           hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
           hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8871858"
               "65")},
          {range(0x00, 0x4f), range(0x60, 0xaf), range(0xb0, 0xff),
           hex("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244"),
           hex("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271"
               "cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
               "")},
          {Bytes(22, 0x0b),
           {},
           {},
           hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"),
           hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96"
               "c8")}};
}

class Hkdf : public test::Sha256KernelTest {
 protected:
  /// Extract and Expand in n lanes, lane i with examples[(i + shift) % size], all of one shape.
  void expect_in_lanes(const std::vector<Example>& examples, std::size_t n, std::size_t shift) {
    const auto example = [&](std::size_t lane) -> const Example& {
      return examples[(lane + shift) % examples.size()];
    };
    LaneKeys salts(n);
    LaneBytes ikm(n, 0);
    LaneBytes info(n, 0);
    LaneBytes prks(n, kSha256Size);
    const std::size_t size = examples.front().okm.size();
    LaneBytes okm(n, size + 1);
    for (std::size_t i = 0; i < n; ++i) {
      engine_->make_hmac_key(example(i).salt, salts[i]);
      ikm[i] = example(i).ikm;
      info[i] = example(i).info;
    }
    const MessagePart ikm_part = ikm.part();
    hkdf_extract(*engine_, salts.in(), {&ikm_part, 1}, prks.out(), n);
    LaneKeys keys(n);
    engine_->make_hmac_keys(prks.in(), keys.out(), n);
    const MessagePart info_part = info.part();
    hkdf_expand(*engine_, keys.in(), {&info_part, 1}, okm.out(), size, n);
    for (std::size_t i = 0; i < n; ++i) {
      if (!example(i).prk.empty()) {
        ASSERT_EQ(prks[i], example(i).prk) << i << " of " << n;
      }
      ASSERT_EQ(okm[i].back(), 0) << "wrote beyond " << size;
      okm[i].pop_back();
      ASSERT_EQ(okm[i], example(i).okm) << i << " of " << n;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Kernels, Hkdf, testing::ValuesIn(test::sha256_kernel_names()),
                         test::sha256_kernel_name);

TEST_P(Hkdf, Rfc5869InEveryLane) {
  for (const Example& example : rfc_5869()) {
    for (std::size_t n = 1; n <= kLanes; ++n) expect_in_lanes({example}, n, 0);
  }
}

TEST_P(Hkdf, Wycheproof) {
  const auto vectors = test::load_public_vectors("hkdf_sha256_test.json");
  if (!vectors) {
    GTEST_SKIP() << "no " << test::public_vectors_path("hkdf_sha256_test.json")
                 << "; name the folder that holds it in PSSST_PUBLIC_VECTORS";
  }
  std::map<Example::Shape, std::vector<Example>> by_shape;
  int valid = 0;
  int invalid = 0;
  for (const auto& group : vectors->at("testGroups")) {
    for (const auto& row : group.at("tests")) {
      const Example example{test::bytes(row.at("ikm")),
                            test::bytes(row.at("salt")),
                            test::bytes(row.at("info")),
                            {},
                            test::bytes(row.at("okm"))};
      if (row.at("result") == "valid") {
        ++valid;
        ASSERT_EQ(example.okm.size(), row.at("size"));
        by_shape[example.shape()].push_back(example);
      } else {
        ++invalid;
        EXPECT_GT(row.at("size"), kHkdfSizeMax) << "tcId " << row.at("tcId");
      }
    }
  }
  EXPECT_EQ(valid, 83);
  EXPECT_EQ(invalid, 3);
  for (const auto& [shape, examples] : by_shape) {
    for (std::size_t shift = 0; shift < examples.size(); ++shift) {
      expect_in_lanes(examples, kLanes, shift);
      expect_in_lanes(examples, 1 + shift % kLanes, shift);
    }
  }
}

TEST_P(Hkdf, TakesInfoInParts) {
  const Example example = rfc_5869()[1];
  LaneKeys keys(1);
  const std::uint8_t* const prk = example.prk.data();
  engine_->make_hmac_keys(&prk, keys.out(), 1);
  std::vector<MessagePart> parts;
  for (std::size_t i = 0; i < kHkdfInfoPartsMax; ++i) {
    parts.push_back(MessagePart::same(std::span(example.info).subspan(10 * i, 10)));
  }
  LaneBytes okm(1, example.okm.size());
  hkdf_expand(*engine_, keys.in(), parts, okm.out(), example.okm.size(), 1);
  EXPECT_EQ(okm[0], example.okm);
}

TEST_P(Hkdf, TakesTheLongestInfo) {
  test::SeededBytes random(65);
  const Bytes prk = random.vector(kSha256Size);
  const Bytes info = random.vector(kHkdfInfoSizeMax);
  LaneKeys keys(1);
  const std::uint8_t* const prk_bytes = prk.data();
  engine_->make_hmac_keys(&prk_bytes, keys.out(), 1);
  const MessagePart part = MessagePart::same(info);
  LaneBytes okm(1, 2 * kSha256Size);
  hkdf_expand(*engine_, keys.in(), {&part, 1}, okm.out(), okm[0].size(), 1);
  Bytes message = info;
  message.push_back(1);
  const Bytes32 first = test::reference_hmac(prk, message);
  message.insert(message.begin(), first.begin(), first.end());
  message.back() = 2;
  const Bytes32 second = test::reference_hmac(prk, message);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), okm[0].begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), okm[0].begin() + kSha256Size));
}

using HkdfDeathTest = Hkdf;
INSTANTIATE_TEST_SUITE_P(Kernels, HkdfDeathTest, testing::ValuesIn(test::sha256_kernel_names()),
                         test::sha256_kernel_name);

TEST_P(HkdfDeathTest, SizesBeyondTheLimitAreAProgrammersError) {
  const std::vector<MessagePart> parts(kHkdfInfoPartsMax + 1);
  EXPECT_DEATH(hkdf_expand(*engine_, nullptr, {}, nullptr, kHkdfSizeMax + 1, 0), "size <=");
  EXPECT_DEATH(hkdf_expand(*engine_, nullptr, {}, nullptr, 0, 0), "size > 0");
  EXPECT_DEATH(hkdf_expand(*engine_, nullptr, parts, nullptr, 1, 0), "kHkdfInfoPartsMax");
}

}  // namespace
}  // namespace pssst::crypto
