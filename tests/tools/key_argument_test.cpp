#include "tools/key_argument.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/hex.hpp"
#include "tools/temporary_folder.hpp"

namespace pssst::tools {
namespace {

class KeyArgument : public testing::Test {
 protected:
  PrivateKey private_key = PrivateKey::generate();
  std::string private_hex = base::to_hex(private_key.bytes());
  std::string public_hex = base::to_hex(private_key.public_key());
  test::TemporaryFolder folder;
};

TEST_F(KeyArgument, AServerKeyAsDigits) {
  const auto key = read_server_key_argument(public_hex);
  ASSERT_TRUE(key.has_value()) << key.error().to_string();
  EXPECT_EQ(key->suite, kSuite1);
  EXPECT_EQ(key->key, private_key.public_key());
  std::string upper = public_hex;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  EXPECT_TRUE(read_server_key_argument(upper).has_value());
}

TEST_F(KeyArgument, AServerKeyInAFile) {
  for (const char* end : {"", "\n", "\r\n", "  \n\n"}) {
    const auto key = read_server_key_argument(folder.file("server.pub", public_hex + end, 0644));
    ASSERT_TRUE(key.has_value()) << key.error().to_string();
    EXPECT_EQ(key->suite, kSuite1);
    EXPECT_EQ(key->key, private_key.public_key());
  }
}

TEST_F(KeyArgument, AServerKeyOfSuiteF002) {
  const std::string text = "f002:" + public_hex;
  for (const std::string& argument : {text, folder.file("server.pub", text + "\n", 0644)}) {
    const auto key = read_server_key_argument(argument);
    ASSERT_TRUE(key.has_value()) << key.error().to_string();
    EXPECT_EQ(key->suite, kSuiteF002);
    EXPECT_EQ(key->key, private_key.public_key());
  }
  EXPECT_FALSE(read_server_key_argument("f003:" + public_hex).has_value());
  EXPECT_FALSE(read_server_key_argument("F002:" + public_hex).has_value());
}

TEST_F(KeyArgument, SuitesByName) {
  EXPECT_EQ(parse_suite("1").value_or(0), kSuite1);
  EXPECT_EQ(parse_suite("0xf002").value_or(0), kSuiteF002);
  EXPECT_EQ(parse_suite("0xF002").value_or(0), kSuiteF002);
  for (const char* text : {"", "2", "f002", "61442"}) EXPECT_FALSE(parse_suite(text)) << text;
}

TEST_F(KeyArgument, AServersKeyIsNoClients) {
  const auto key = read_client_key_argument(folder.file("key", "f002:" + private_hex + "\n"));
  ASSERT_FALSE(key.has_value());
  EXPECT_NE(key.error().what.find("a server's"), std::string::npos);
  const auto pasted = read_client_key_argument("f002:" + private_hex);
  ASSERT_FALSE(pasted.has_value());
  EXPECT_EQ(pasted.error().to_string().find(private_hex), std::string::npos);
}

TEST_F(KeyArgument, AServerKeyThatIsNone) {
  const auto missing = read_server_key_argument(folder.path() + "/nothing");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().where, folder.path() + "/nothing");
  EXPECT_EQ(missing.error().what, "cannot open: No such file or directory");

  for (const std::string& contents :
       {std::string(), public_hex.substr(1), public_hex + "0", std::string(64, 'x'),
        std::string(64, '0'), public_hex + "\n" + public_hex, std::string(10'000, 'a')}) {
    const std::string path = folder.file("bad", contents, 0644);
    const auto key = read_server_key_argument(path);
    ASSERT_FALSE(key.has_value()) << contents;
    EXPECT_EQ(key.error().where, path);
    EXPECT_NE(key.error().remedy.find("pssst pubkey"), std::string::npos);
  }
  EXPECT_EQ(read_server_key_argument(std::string(64, '0')).error().where, "--server");
  EXPECT_FALSE(read_server_key_argument(folder.path()).has_value());
}

TEST_F(KeyArgument, AClientKeyInAFile) {
  const auto key = read_client_key_argument(folder.file("client.key", private_hex + "\n"));
  ASSERT_TRUE(key.has_value()) << key.error().to_string();
  EXPECT_EQ(key->public_key(), private_key.public_key());
}

TEST_F(KeyArgument, AClientKeyThatOthersCanReadIsRefused) {
  const auto key = read_client_key_argument(folder.file("client.key", private_hex + "\n", 0644));
  ASSERT_FALSE(key.has_value());
  EXPECT_NE(key.error().to_string().find("chmod 600 "), std::string::npos);
}

TEST_F(KeyArgument, AClientKeyOnTheCommandLineIsNotRepeated) {
  const auto key = read_client_key_argument(private_hex);
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().where, "--client-key");
  EXPECT_EQ(key.error().to_string().find(private_hex), std::string::npos);
}

TEST_F(KeyArgument, AFileMayBeNamedLikeAKey) {
  const std::string before = std::filesystem::current_path().string();
  static_cast<void>(folder.file(private_hex, private_hex));
  std::filesystem::current_path(folder.path());
  const auto key = read_client_key_argument(private_hex);
  std::filesystem::current_path(before);
  EXPECT_TRUE(key.has_value());
}

}  // namespace
}  // namespace pssst::tools
