#include "crypto/symmetric.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "crypto/reference.hpp"
#include "support/secret_pages.hpp"
#include "support/vectors.hpp"

namespace pssst::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Nonce = std::array<std::uint8_t, kGcmNonceSize>;
using Tag = std::array<std::uint8_t, kGcmTagSize>;
using Key = std::array<std::uint8_t, kAesKeySize>;
using test::SeededBytes;

/// What tests of one key use.
constexpr std::size_t kSlot = 0;

class Symmetric : public testing::Test {
 protected:
  void SetUp() override {
    auto made = SymmetricEngine::create();
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    engine_ = std::move(*made);
  }

  /// GCM's implementations for short and for long texts, which may be one.
  static constexpr std::size_t kTextSizes[] = {0, 4096};

  Bytes seal(const Nonce& nonce, const Bytes& aad, const Bytes& message, Tag& tag) {
    Bytes ciphertext(message.size() + 1, 0xa5);
    engine_->seal(kSlot, nonce, aad, message.data(), message.size(), ciphertext.data(), tag);
    EXPECT_EQ(ciphertext.back(), 0xa5) << "wrote beyond " << message.size() << " bytes";
    ciphertext.pop_back();
    return ciphertext;
  }
  std::pair<bool, Bytes> open(const Nonce& nonce, const Bytes& aad, const Bytes& ciphertext,
                              const Tag& tag) {
    Bytes message(ciphertext.size() + 1, 0xa5);
    const bool genuine =
        engine_->open(kSlot, nonce, aad, ciphertext.data(), ciphertext.size(), tag, message.data());
    EXPECT_EQ(message.back(), 0xa5) << "wrote beyond " << ciphertext.size() << " bytes";
    message.pop_back();
    return {genuine, message};
  }

  std::unique_ptr<SymmetricEngine> engine_;
};

TEST_F(Symmetric, GcmAgreesWithOpensslForEveryLength) {
  SeededBytes random(53);
  std::vector<std::size_t> sizes{511, 512, 513, 1023, 1024, 1025, 1300, 1419, 1420};
  for (std::size_t size = 0; size <= 300; ++size) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    Key key{};
    Nonce nonce{};
    random.fill(key);
    random.fill(nonce);
    const Bytes aad = random.vector(size % 5 == 0 ? size % 64 : 4);
    const Bytes message = random.vector(size);
    const test::SealedReference reference = test::reference_seal(key, nonce, aad, message);
    for (const std::size_t text_size : kTextSizes) {
      engine_->clear_keys();
      engine_->set_key(kSlot, key, text_size);
      Tag tag{};
      ASSERT_EQ(seal(nonce, aad, message, tag), reference.ciphertext) << size;
      ASSERT_EQ(tag, reference.tag) << size;
      const auto [genuine, opened] = open(nonce, aad, reference.ciphertext, reference.tag);
      ASSERT_TRUE(genuine) << size;
      ASSERT_EQ(opened, message) << size;
    }
  }
}

TEST_F(Symmetric, GcmWorksInPlace) {
  SeededBytes random(54);
  Key key{};
  Nonce nonce{};
  random.fill(key);
  random.fill(nonce);
  const Bytes aad = random.vector(4);
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 64u, 1300u}) {
    engine_->clear_keys();
    engine_->set_key(kSlot, key, size);
    const Bytes message = random.vector(size);
    const test::SealedReference reference = test::reference_seal(key, nonce, aad, message);
    Bytes buffer = message;
    Tag tag{};
    engine_->seal(kSlot, nonce, aad, buffer.data(), size, buffer.data(), tag);
    EXPECT_EQ(buffer, reference.ciphertext) << size;
    EXPECT_EQ(tag, reference.tag) << size;
    EXPECT_TRUE(engine_->open(kSlot, nonce, aad, buffer.data(), size, tag, buffer.data()));
    EXPECT_EQ(buffer, message) << size;
  }
}

TEST_F(Symmetric, GcmTakesNullPointersForNoBytes) {
  const Key key{1};
  const Nonce nonce{2};
  engine_->set_key(kSlot, key, 0);
  Tag tag{};
  engine_->seal(kSlot, nonce, {}, nullptr, 0, nullptr, tag);
  EXPECT_EQ(tag, test::reference_seal(key, nonce, {}, {}).tag);
  EXPECT_TRUE(engine_->open(kSlot, nonce, {}, nullptr, 0, tag, nullptr));
  tag[0] ^= 1;
  EXPECT_FALSE(engine_->open(kSlot, nonce, {}, nullptr, 0, tag, nullptr));
}

TEST_F(Symmetric, EveryFlippedBitIsRefusedAndLeavesZeros) {
  for (const std::size_t text_size : kTextSizes) {
    SeededBytes random(55);
    Key key{};
    Nonce nonce{};
    random.fill(key);
    random.fill(nonce);
    const Bytes aad = random.vector(4);
    const Bytes message = random.vector(33);
    engine_->clear_keys();
    engine_->set_key(kSlot, key, text_size);
    Tag tag{};
    const Bytes ciphertext = seal(nonce, aad, message, tag);
    const auto expect_refused = [&](const Nonce& n, const Bytes& a, const Bytes& c, const Tag& t) {
      const auto [genuine, opened] = open(n, a, c, t);
      EXPECT_FALSE(genuine);
      EXPECT_EQ(opened, Bytes(message.size(), 0));
    };
    const auto flip = [](auto bytes, std::size_t bit) {
      bytes.at(bit / 8) ^= static_cast<std::uint8_t>(1u << bit % 8);
      return bytes;
    };
    for (std::size_t i = 0; i < 8 * tag.size(); ++i) {
      expect_refused(nonce, aad, ciphertext, flip(tag, i));
    }
    for (std::size_t i = 0; i < 8 * ciphertext.size(); ++i) {
      expect_refused(nonce, aad, flip(ciphertext, i), tag);
    }
    for (std::size_t i = 0; i < 8 * aad.size(); ++i) {
      expect_refused(nonce, flip(aad, i), ciphertext, tag);
    }
    for (std::size_t i = 0; i < 8 * nonce.size(); ++i) {
      expect_refused(flip(nonce, i), aad, ciphertext, tag);
    }
    for (std::size_t i = 0; i < 8 * key.size(); ++i) {
      engine_->set_key(kSlot, flip(key, i), text_size);
      expect_refused(nonce, aad, ciphertext, tag);
    }
    engine_->set_key(kSlot, key, text_size);
    EXPECT_TRUE(open(nonce, aad, ciphertext, tag).first);
  }
}

/// A key for each slot, expanded for short and for long texts by turns.
TEST_F(Symmetric, SlotsKeepTheirKeysApart) {
  SeededBytes random(56);
  std::array<Key, kKeySlots> keys{};
  const Nonce nonce{3};
  const Bytes message = random.vector(70);
  const auto set_key = [&](std::size_t slot, std::size_t text_size) {
    engine_->set_key(slot, keys.at(slot), text_size);
  };
  const auto expect_sealed_by = [&](std::size_t slot) {
    const test::SealedReference reference = test::reference_seal(keys.at(slot), nonce, {}, message);
    Bytes sealed(message.size());
    Tag tag{};
    engine_->seal(slot, nonce, {}, message.data(), message.size(), sealed.data(), tag);
    EXPECT_EQ(sealed, reference.ciphertext) << slot;
    EXPECT_EQ(tag, reference.tag) << slot;
  };
  for (Key& key : keys) random.fill(key);
  for (std::size_t slot = 0; slot < kKeySlots; ++slot) set_key(slot, kTextSizes[slot % 2]);
  for (std::size_t slot = 0; slot < kKeySlots; ++slot) expect_sealed_by(slot);
  // The same key again, for texts of the other kind; then a new one.
  for (std::size_t slot = 0; slot < kKeySlots; ++slot) {
    set_key(slot, kTextSizes[1 - slot % 2]);
    expect_sealed_by(slot);
    random.fill(keys.at(slot));
    set_key(slot, kTextSizes[1 - slot % 2]);
    expect_sealed_by(slot);
  }
  for (std::size_t slot = 0; slot < kKeySlots; ++slot) expect_sealed_by(slot);
}

/// Whatever the library's layout of an expanded key is.
TEST_F(Symmetric, ClearedKeysLeaveMemoryAsItWas) {
  const auto secrets = [] {
    std::vector<Bytes> copies;
    for (const auto pages : test::secret_pages()) copies.emplace_back(pages.begin(), pages.end());
    return copies;
  };
  const std::vector<Bytes> before = secrets();
  SeededBytes random(57);
  Bytes text = random.vector(1200);
  for (const std::size_t text_size : kTextSizes) {
    for (const std::size_t slots : {kKeySlots, std::size_t{1}}) {
      for (std::size_t slot = 0; slot < slots; ++slot) {
        Key key{};
        random.fill(key);
        Tag tag{};
        engine_->set_key(slot, key, text_size);
        engine_->seal(slot, Nonce{}, {}, text.data(), text.size(), text.data(), tag);
        static_cast<void>(
            engine_->open(slot, Nonce{}, {}, text.data(), text.size(), tag, text.data()));
      }
      EXPECT_NE(secrets(), before);
      engine_->clear_keys();
      EXPECT_EQ(secrets(), before) << slots << " keys for texts of " << text_size;
    }
  }
}

TEST_F(Symmetric, WycheproofAesGcm) {
  const auto vectors = test::load_public_vectors("aes_gcm_test.json");
  if (!vectors) {
    GTEST_SKIP() << "no " << test::public_vectors_path("aes_gcm_test.json")
                 << "; name the folder that holds it in PSSST_PUBLIC_VECTORS";
  }
  int valid = 0;
  int invalid = 0;
  for (const auto& group : vectors->at("testGroups")) {
    if (group.at("ivSize") != 96 || group.at("keySize") != 128 || group.at("tagSize") != 128) {
      continue;
    }
    for (const auto& row : group.at("tests")) {
      SCOPED_TRACE("tcId " + row.at("tcId").dump());
      const auto nonce = test::bytes_of_size<kGcmNonceSize>(row.at("iv"));
      const auto tag = test::bytes_of_size<kGcmTagSize>(row.at("tag"));
      const Bytes aad = test::bytes(row.at("aad"));
      const Bytes message = test::bytes(row.at("msg"));
      const Bytes ciphertext = test::bytes(row.at("ct"));
      engine_->set_key(kSlot, test::bytes_of_size<kAesKeySize>(row.at("key")), message.size());
      const auto [genuine, opened] = open(nonce, aad, ciphertext, tag);
      Tag made{};
      const Bytes sealed = seal(nonce, aad, message, made);
      if (row.at("result") == "valid") {
        ++valid;
        EXPECT_TRUE(genuine);
        EXPECT_EQ(opened, message);
        EXPECT_EQ(sealed, ciphertext);
        EXPECT_EQ(made, tag);
      } else {
        ++invalid;
        EXPECT_FALSE(genuine);
        EXPECT_EQ(opened, Bytes(ciphertext.size(), 0));
        EXPECT_FALSE(sealed == ciphertext && made == tag);
      }
    }
  }
  EXPECT_EQ(valid, 40);
  EXPECT_EQ(invalid, 27);
}

TEST_F(Symmetric, NamesItsArchitectures) {
  const std::set<std::string_view> known{"AVX512", "AVX2", "AVX", "SSE"};
  for (const std::size_t text_size : kTextSizes) {
    EXPECT_TRUE(known.contains(engine_->gcm_architecture(text_size)));
  }
}

using SymmetricDeathTest = Symmetric;

TEST_F(SymmetricDeathTest, NoKeyIsAProgrammersError) {
  Tag tag{};
  const Nonce nonce{};
  EXPECT_DEATH(engine_->seal(kSlot, nonce, {}, nullptr, 0, nullptr, tag), "key_owners");
  engine_->set_key(kSlot, Key{}, 0);
  engine_->seal(kSlot, nonce, {}, nullptr, 0, nullptr, tag);
  engine_->clear_keys();
  EXPECT_DEATH(static_cast<void>(engine_->open(kSlot, nonce, {}, nullptr, 0, tag, nullptr)),
               "key_owners");
  EXPECT_DEATH(engine_->set_key(kKeySlots, Key{}, 0), "slot");
}

}  // namespace
}  // namespace pssst::crypto
