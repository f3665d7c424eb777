#include "crypto/sha256.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/hex.hpp"
#include "crypto/sha256_testing.hpp"
#include "support/own_stack.hpp"
#include "support/sanitizer.hpp"
#include "support/secret_pages.hpp"
#include "support/vectors.hpp"

namespace pssst::crypto {
namespace {

using test::Bytes;
using test::LaneBytes;
using test::LaneKeys;
using test::SeededBytes;

constexpr std::size_t kLanes = kX25519LanesMax;

Bytes text(std::string_view characters) {
  return {characters.begin(), characters.end()};
}

Bytes bytes_of(const Bytes32& digest) {
  return {digest.begin(), digest.end()};
}

class Sha256 : public test::Sha256KernelTest {
 protected:
  /// One and the same message in every lane but for its first byte, which tells the lanes apart,
  /// save in `position`.
  Bytes digest_at(std::size_t position, const Bytes& message) {
    LaneBytes messages(std::vector<Bytes>(kLanes, message));
    LaneBytes digests(kLanes, kSha256Size);
    for (std::size_t i = 0; i < kLanes; ++i) {
      if (i != position) messages[i].front() ^= static_cast<std::uint8_t>(i + 1);
    }
    const MessagePart part = messages.part();
    engine_->hash({&part, 1}, digests.out(), kLanes);
    return digests[position];
  }
};

INSTANTIATE_TEST_SUITE_P(Kernels, Sha256, testing::ValuesIn(test::sha256_kernel_names()),
                         test::sha256_kernel_name);

// NIST's examples for FIPS 180: one block, two blocks, and 896 bits.
TEST_P(Sha256, NistExamplesInEveryLane) {
  const std::vector<std::pair<std::string, std::string>> examples{
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
       "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
  for (const auto& [message, digest] : examples) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      ASSERT_EQ(base::to_hex(digest_at(lane, text(message))), digest) << lane;
    }
  }
}

TEST_P(Sha256, AgreesWithOpensslForEverySizeAndCount) {
  SeededBytes random(60);
  for (std::size_t size = 1; size <= kLaneMessageSizeMax; ++size) {
    const std::size_t n = size % (kLanes + 1);
    LaneBytes messages(random, std::max<std::size_t>(n, 1), size);
    LaneBytes digests(kLanes + 1, kSha256Size);
    const MessagePart part = messages.part();
    engine_->hash({&part, 1}, digests.out(), n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(digests[i], bytes_of(test::reference_sha256(messages[i]))) << size << ", " << i;
    }
    ASSERT_EQ(digests[n], Bytes(kSha256Size)) << "wrote beyond " << n << " lanes";
  }
}

TEST_P(Sha256, GathersPartsAndMayWriteOverThem) {
  SeededBytes random(61);
  LaneBytes first(random, kLanes, 32);
  LaneBytes second(random, kLanes, 33);
  const Bytes common = random.vector(5);
  std::vector<Bytes> expected;
  for (std::size_t i = 0; i < kLanes; ++i) {
    Bytes whole = first[i];
    whole.insert(whole.end(), common.begin(), common.end());
    whole.insert(whole.end(), second[i].begin(), second[i].end());
    expected.push_back(bytes_of(test::reference_sha256(whole)));
  }
  const std::array message{first.part(), MessagePart::same({}), MessagePart::same(common),
                           second.part()};
  engine_->hash(message, first.out(), kLanes);
  for (std::size_t i = 0; i < kLanes; ++i) EXPECT_EQ(first[i], expected[i]) << i;
}

TEST_P(Sha256, KeepsNothingInFlight) {
  SeededBytes random(62);
  LaneBytes kept(random, 5, 64);
  LaneBytes digests(5, kSha256Size);
  const MessagePart part = kept.part();
  engine_->hash({&part, 1}, digests.out(), 5);
  for (std::size_t i = 0; i < 5; ++i) digests[i].assign(kSha256Size, 0);
  for (std::size_t n = 1; n < 20; ++n) {
    LaneBytes others(random, n, 64);
    LaneBytes out(n, kSha256Size);
    const MessagePart other = others.part();
    engine_->hash({&other, 1}, out.out(), n);
  }
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(digests[i], Bytes(kSha256Size));
}

struct HmacExample {
  std::string key, message, mac;
};

// RFC 4231, section 4; 4.6 is the one that truncates.
const std::vector<HmacExample>& rfc_4231() {
  static const std::string block_and_more(131, '\xaa');
  static const std::vector<HmacExample> examples{
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16"
       "\x17\x18\x19",
       std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(20, '\x0c'), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
      {block_and_more, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {block_and_more,
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}};
  return examples;
}

TEST_P(Sha256, HmacOfRfc4231InEveryLane) {
  const std::size_t n = rfc_4231().size();
  for (std::size_t k = 0; k < n; ++k) {
    const auto& [key, message, mac] = rfc_4231()[k];
    const std::size_t mac_size = mac.size() / 2;
    // The keys of all examples side by side, so that lanes differ.
    LaneKeys keys(n);
    for (std::size_t i = 0; i < n; ++i) {
      engine_->make_hmac_key(text(rfc_4231()[i].key), keys[i]);
    }
    std::vector<const HmacKey*> pointers;
    for (std::size_t i = 0; i < kLanes; ++i) pointers.push_back(&keys[(i + k) % n]);
    LaneBytes macs(kLanes, mac_size + 1);
    const Bytes bytes = text(message);
    const MessagePart part = MessagePart::same(bytes);
    engine_->hmac(pointers.data(), {&part, 1}, macs.out(), mac_size, kLanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      Bytes expected = bytes_of(test::reference_hmac(text(rfc_4231()[(i + k) % n].key), bytes));
      expected.resize(mac_size);
      ASSERT_EQ(macs[i].back(), 0) << "wrote beyond the MAC";
      macs[i].pop_back();
      ASSERT_EQ(macs[i], expected) << i;
      if (i % n == 0) {
        ASSERT_EQ(base::to_hex(macs[i]), mac);
      }
    }
  }
}

TEST_P(Sha256, HmacAgreesWithOpensslForEverySizeAndCount) {
  SeededBytes random(63);
  for (std::size_t size = 1; size <= kLaneMessageSizeMax; ++size) {
    const std::size_t n = 1 + size % kLanes;
    LaneBytes raw_keys(random, n, kSha256Size);
    LaneBytes messages(random, n, size);
    LaneKeys keys(n);
    LaneBytes macs(n, size % kSha256Size + 1);
    engine_->make_hmac_keys(raw_keys.in(), keys.out(), n);
    const MessagePart part = messages.part();
    engine_->hmac(keys.in(), {&part, 1}, macs.out(), macs[0].size(), n);
    for (std::size_t i = 0; i < n; ++i) {
      Bytes expected = bytes_of(test::reference_hmac(raw_keys[i], messages[i]));
      expected.resize(macs[i].size());
      ASSERT_EQ(macs[i], expected) << size << ", " << i;
    }
  }
}

TEST_P(Sha256, MakesTheSameHmacKeyOfAnyNumberOfBytesAsOpenssl) {
  SeededBytes random(64);
  const Bytes message = random.vector(20);
  const MessagePart part = MessagePart::same(message);
  for (std::size_t size = 0; size <= kLaneMessageSizeMax; ++size) {
    const Bytes bytes = random.vector(size);
    HmacKey key;
    engine_->make_hmac_key(bytes, key);
    Bytes32 mac{};
    const HmacKey* const keys = &key;
    std::uint8_t* const out = mac.data();
    engine_->hmac(&keys, {&part, 1}, &out, mac.size(), 1);
    ASSERT_EQ(mac, test::reference_hmac(bytes, message)) << size;
  }
}

TEST(Sha256KernelsTest, AreOneAnothersEqualInWhatAnHmacKeyIs) {
  const Bytes32 raw{1, 2, 3};
  const std::uint8_t* const in = raw.data();
  std::vector<HmacKey> keys(test::sha256_kernel_names().size());
  for (std::size_t k = 0; k < keys.size(); ++k) {
    HmacKey* const out = &keys[k];
    auto engine = Sha256Engine::create(test::sha256_kernel_names()[k]);
    ASSERT_TRUE(engine);
    (*engine)->make_hmac_keys(&in, &out, 1);
    EXPECT_EQ(keys[k].inner, keys[0].inner);
    EXPECT_EQ(keys[k].outer, keys[0].outer);
  }
}

TEST(Sha256KernelsTest, NobodyElseHasAName) {
  EXPECT_EQ(test::sha256_kernel_names().back(), "ipsec_mb") << "which every CPU of ours runs";
  EXPECT_EQ((*Sha256Engine::create())->kernel(), test::sha256_kernel_names().front());
  const auto none = Sha256Engine::create("md5");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().to_string().find("md5"), std::string::npos);
}

/// Input and output of all functions, for code on a stack of its own, which gets no arguments.
struct Secrets {
  explicit Secrets(Sha256Engine& used) : engine(used) {}

  static constexpr int kFunctions = 4;
  void run(int function) {
    const MessagePart part = messages.part();
    if (function == 0) engine.make_hmac_keys(raw_keys.in(), keys.out(), kLanes);
    if (function == 1) engine.hmac(keys.in(), {&part, 1}, macs.out(), kSha256Size, kLanes);
    if (function == 2) engine.hash({&part, 1}, digests.out(), kLanes);
    if (function == 3) engine.make_hmac_key(messages[0], long_key);
  }

  /// Pieces of 16 bytes, each of which would be a leak.
  std::vector<Bytes> pieces() {
    std::vector<Bytes> all;
    const auto add = [&](std::span<const std::uint8_t> secret, auto&& change) {
      for (std::size_t at = 0; at + 16 <= secret.size(); at += 16) {
        Bytes& piece = all.emplace_back();
        for (std::size_t i = at; i < at + 16; ++i) {
          piece.push_back(static_cast<std::uint8_t>(change(secret, i)));
        }
        // What was not made yet is zero.
        if (std::ranges::count(piece, piece.front()) == 16) all.pop_back();
      }
    };
    const auto as_it_is = [](auto bytes, std::size_t i) { return bytes[i]; };
    const auto as_words = [](auto bytes, std::size_t i) { return bytes[i ^ 3]; };
    for (std::size_t i = 0; i < kLanes; ++i) {
      add(raw_keys[i], as_it_is);
      add(raw_keys[i], [](auto bytes, std::size_t at) { return bytes[at] ^ 0x36; });
      add(raw_keys[i], [](auto bytes, std::size_t at) { return bytes[at] ^ 0x5c; });
      add(messages[i], as_it_is);
      for (const Bytes& digest : {macs[i], digests[i]}) {
        add(digest, as_it_is);
        add(digest, as_words);
      }
      add({reinterpret_cast<const std::uint8_t*>(&keys[i]), sizeof(HmacKey)}, as_it_is);
    }
    add({reinterpret_cast<const std::uint8_t*>(&long_key), sizeof(HmacKey)}, as_it_is);
    return all;
  }

  Sha256Engine& engine;
  SeededBytes random{70};
  LaneBytes raw_keys{random, kLanes, kSha256Size};
  LaneBytes messages{random, kLanes, 100};
  LaneKeys keys{kLanes};
  HmacKey long_key{};
  LaneBytes macs{kLanes, kSha256Size};
  LaneBytes digests{kLanes, kSha256Size};
};

Secrets* secrets_under_test;
int function_under_test;

TEST_P(Sha256, TheStackKeepsNothing) {
  if (test::kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer rearranges the stack";
  Secrets secrets(*engine_);
  secrets_under_test = &secrets;
  test::OwnStack stack;
  for (function_under_test = 0; function_under_test < Secrets::kFunctions; ++function_under_test) {
    const Bytes residue = stack.run([] { secrets_under_test->run(function_under_test); });
    const auto used = std::ranges::find_if(residue, [](auto byte) { return byte != 0xa5; });
    for (const Bytes& piece : secrets.pieces()) {
      ASSERT_EQ(memmem(&*used, static_cast<std::size_t>(residue.end() - used), piece.data(),
                       piece.size()),
                nullptr)
          << base::to_hex(piece) << " left by function " << function_under_test;
    }
  }
}

TEST_P(Sha256, SecretPagesKeepNothing) {
  Secrets secrets(*engine_);
  for (int function = 0; function < Secrets::kFunctions; ++function) {
    secrets.run(function);
    const auto all_pages = test::secret_pages();
    for (const Bytes& piece : secrets.pieces()) {
      for (const auto pages : all_pages) {
        ASSERT_EQ(memmem(pages.data(), pages.size(), piece.data(), piece.size()), nullptr)
            << base::to_hex(piece) << " left by function " << function;
      }
    }
  }
}

using Sha256DeathTest = Sha256;
INSTANTIATE_TEST_SUITE_P(Kernels, Sha256DeathTest, testing::ValuesIn(test::sha256_kernel_names()),
                         test::sha256_kernel_name);

TEST_P(Sha256DeathTest, SizesAndCountsBeyondTheLimitAreAProgrammersError) {
  const Bytes bytes(kLaneMessageSizeMax + 1);
  const MessagePart too_long = MessagePart::same(bytes);
  const MessagePart fine = MessagePart::same(std::span(bytes).first(1));
  EXPECT_DEATH(engine_->hash({&too_long, 1}, nullptr, 0), "size <=");
  EXPECT_DEATH(engine_->hash({}, nullptr, 0), "size > 0");
  EXPECT_DEATH(engine_->hash({&fine, 1}, nullptr, kLanes + 1), "n <=");
  EXPECT_DEATH(engine_->make_hmac_keys(nullptr, nullptr, kLanes + 1), "n <=");
  EXPECT_DEATH(engine_->hmac(nullptr, {&fine, 1}, nullptr, kSha256Size + 1, 0), "mac_size <=");
}

}  // namespace
}  // namespace pssst::crypto
