#include "tools/identity/who.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "tools/temporary_folder.hpp"

namespace pssst::tools {
namespace {

using identity::Store;

class Who : public testing::Test {
 protected:
  PublicKey enrol(const std::string& name) {
    const PublicKey key = PrivateKey::generate().public_key();
    EXPECT_TRUE(store_.begin());
    EXPECT_TRUE(store_.apply({.key = key, .name = name}));
    EXPECT_TRUE(store_.commit());
    return key;
  }

  test::TemporaryFolder folder_;
  Store store_ = std::move(Store::open(folder_.path() + "/store", Store::Mode::kCreate).value());
};

TEST_F(Who, IsAKeyOrAllKeysOfAName) {
  const PublicKey first = enrol("n");
  const PublicKey second = enrol("n");
  const auto both = find_who(store_, "n").value();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].key, first);
  const auto one = find_who(store_, base::to_hex(second)).value();
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].key, second);
  EXPECT_EQ(find_who(store_, "m\n").error().to_string(),
            "m?: no key of this name: pssst identity list shows all");
  EXPECT_EQ(find_who(store_, std::string(64, '0')).error().what, "no such key");
  EXPECT_FALSE(find_who(store_, ""));
}

TEST_F(Who, APublicKeyIsDigitsOrInAFile) {
  const PublicKey key = PrivateKey::generate().public_key();
  const std::string digits = base::to_hex(key);
  EXPECT_EQ(read_public_key_argument(digits).value(), key);
  const std::string file = folder_.file("key.pub", digits + "\n", 0644);
  EXPECT_EQ(read_public_key_argument(file).value(), key);
  EXPECT_EQ(read_public_key_argument(folder_.path() + "/none").error().what,
            "cannot open: No such file or directory");
  const auto bad = read_public_key_argument(std::string(64, '0'));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().what, "not a usable public key: the key is a point of small order");
  EXPECT_FALSE(read_public_key_argument(folder_.file("bad", "f002:" + digits)));
  EXPECT_FALSE(read_public_key_argument(folder_.path()));
}

TEST_F(Who, ShowsNothingThatATerminalObeys) {
  identity::ClientRecord record{.key = {}, .name = "a\x1b[2J\x7f", .tags = "t"};
  EXPECT_EQ(client_line(record), std::string(64, '0') + " a?[2J?");
  record.not_after = 0;
  record.metadata = {1};
  EXPECT_EQ(client_block(record), "key         " + std::string(64, '0') +
                                      "\n"
                                      "name        a?[2J?\n"
                                      "tags        t\n"
                                      "not before  -\n"
                                      "not after   1970-01-01T00:00:00Z\n"
                                      "metadata    01\n"
                                      "state       enrolled\n");
}

}  // namespace
}  // namespace pssst::tools
