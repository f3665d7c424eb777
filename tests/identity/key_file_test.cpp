#include "identity/key_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"

namespace pssst::identity {
namespace {

// RFC 7748, section 6.1: Alice's keys.
constexpr std::string_view kPrivate =
    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
constexpr std::string_view kPublic =
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

class KeyFile : public testing::Test {
 protected:
  base::Error error_of(const std::string& path) {
    const auto key = read_private_key(path);
    EXPECT_FALSE(key);
    return key ? base::Error{} : key.error();
  }

  TemporaryFolder folder_;
};

TEST_F(KeyFile, ReadsDigitsWithAndWithoutEndOfLine) {
  for (const char* end : {"", "\n", "\r\n"}) {
    const auto key = read_private_key(folder_.write("key", std::string(kPrivate) + end));
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(base::to_hex(key->bytes()), kPrivate);
    EXPECT_EQ(base::to_hex(key->public_key()), kPublic);
  }
}

TEST_F(KeyFile, AServersKeySaysItsSuite) {
  EXPECT_EQ(key_prefix(kSuite1), "");
  EXPECT_EQ(key_prefix(kSuiteF002), "f002:");
  for (const std::uint16_t suite : {kSuite1, kSuiteF002}) {
    const std::string prefix(key_prefix(suite));
    for (const char* end : {"", "\n", "\r\n"}) {
      const auto key =
          read_server_private_key(folder_.write("key", prefix + std::string(kPrivate) + end));
      ASSERT_TRUE(key) << key.error().to_string();
      EXPECT_EQ(key->suite, suite);
      EXPECT_EQ(base::to_hex(key->key.bytes()), kPrivate);
    }
    const auto key = parse_server_public_key(" " + prefix + std::string(kPublic) + "\n");
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(key->suite, suite);
    EXPECT_EQ(base::to_hex(key->key), kPublic);
  }
  for (const char* prefix : {"f003:", "f002", "f002: ", "F002:", "0001:", "f002:f002:"}) {
    const std::string text = prefix + std::string(kPrivate);
    EXPECT_FALSE(read_server_private_key(folder_.write("key", text))) << prefix;
    EXPECT_FALSE(parse_server_public_key(prefix + std::string(kPublic))) << prefix;
  }
}

TEST_F(KeyFile, AServersKeyIsNoClients) {
  const base::Error error = error_of(folder_.write("key", "f002:" + std::string(kPrivate)));
  EXPECT_EQ(error.to_string().find(kPrivate), std::string::npos);
  EXPECT_FALSE(parse_public_key("f002:" + std::string(kPublic)));
}

TEST_F(KeyFile, ReadsUpperCaseAndThroughLinks) {
  std::string upper(kPrivate);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::filesystem::create_symlink(folder_.write("key", upper, 0400), folder_.path("link"));
  const auto key = read_private_key(folder_.path("link"));
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(base::to_hex(key->bytes()), kPrivate);
}

TEST_F(KeyFile, CredentialsOfRootMaySeemReadableByItsGroup) {
  const auto reads = [&](mode_t mode) {
    return read_server_private_key(folder_.write("key", kPrivate, mode), KeyFileKind::kCredential)
        .has_value();
  };
  EXPECT_TRUE(reads(0400));
  // What is not root's is somebody's who may have given it to that group.
  EXPECT_EQ(reads(0440), geteuid() == 0 && getegid() == 0);
  for (const mode_t mode : {0620U, 0610U, 0460U, 0604U, 0444U, 0602U, 0601U}) {
    EXPECT_FALSE(reads(mode)) << mode;
  }
  if (geteuid() != 0) return;
  const std::string path = folder_.write("key", kPrivate, 0440);
  ASSERT_EQ(chown(path.c_str(), 0, 1), 0);
  EXPECT_FALSE(read_server_private_key(path, KeyFileKind::kCredential));
  ASSERT_EQ(chown(path.c_str(), 1, 0), 0);
  EXPECT_FALSE(read_server_private_key(path, KeyFileKind::kCredential));
}

TEST_F(KeyFile, RefusesFilesOpenToOthersWithTheChmodThatMendsIt) {
  for (const mode_t mode : {0640U, 0620U, 0610U, 0604U, 0602U, 0601U, 0644U, 0666U, 0777U}) {
    const std::string path = folder_.write("key", kPrivate, mode);
    const base::Error error = error_of(path);
    EXPECT_EQ(error.where, path);
    EXPECT_EQ(error.remedy, "chmod 600 " + path);
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%04o", static_cast<unsigned>(mode));
    EXPECT_NE(error.what.find(octal.data()), std::string::npos) << error.what;
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_TRUE(read_private_key(path));
  }
}

TEST_F(KeyFile, NamesWhatIsWrongAndNothingOfTheContent) {
  const std::string digits(kPrivate);
  const struct {
    std::string content;
    std::string what;
  } cases[] = {
      {"", "the key file is empty"},
      {"\n", "the key file is too short (0 characters of 64)"},
      {digits.substr(1), "the key file is too short (63 characters of 64)"},
      {digits.substr(0, 32) + "\n", "the key file is too short (32 characters of 64)"},
      {digits + "0", "the key file holds more than 64 digits"},
      {digits + "\n\n", "the key file holds more than 64 digits"},
      {digits + "\r\n\n", "the key file holds more than 64 digits"},
      {" " + digits, "the key file holds more than 64 digits"},
      {digits + std::string(100000, 'a'), "the key file holds more than 64 digits"},
      {digits.substr(0, 63) + "g", "the key file holds something that is no hexadecimal digit"},
      {digits.substr(0, 31) + " " + digits.substr(32),
       "the key file holds something that is no hexadecimal digit"},
      {digits.substr(0, 63) + std::string(1, '\0'),
       "the key file holds something that is no hexadecimal digit"},
      {std::string(64, '0'), "the key file holds zeros, a key that everybody knows"},
  };
  for (const auto& [content, what] : cases) {
    const std::string path = folder_.write("key", content);
    const base::Error error = error_of(path);
    EXPECT_EQ(error.what, what);
    EXPECT_EQ(error.where, path);
    EXPECT_EQ(error.to_string().find(digits.substr(8, 16)), std::string::npos);
  }
}

TEST_F(KeyFile, TellsHowToMakeAMissingFile) {
  const base::Error error = error_of(folder_.path("none"));
  EXPECT_EQ(error.what, "cannot open the key file: No such file or directory");
  EXPECT_EQ(error.remedy, "make one: (umask 077; pssst genkey > " + folder_.path("none") + ")");
}

TEST_F(KeyFile, RefusesWhatIsNoRegularFileWithoutWaitingForIt) {
  ASSERT_EQ(mkfifo(folder_.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(folder_.path("fifo")).what, "not a regular file");
  EXPECT_EQ(error_of(folder_.path("")).what, "not a regular file");
  EXPECT_EQ(error_of("/dev/null").what, "not a regular file");
}

TEST(ParsePublicKey, TakesWhiteSpaceAround) {
  for (const std::string& text :
       {std::string(kPublic), std::string(kPublic) + "\n", " \t" + std::string(kPublic) + "\r\n"}) {
    const auto key = parse_public_key(text);
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(base::to_hex(*key), kPublic);
  }
}

TEST(ParsePublicKey, RefusesWhatIsNoKey) {
  const std::string digits(kPublic);
  for (const std::string& text :
       {std::string(), std::string(" \n"), digits.substr(1), digits + "0", digits + " 00",
        digits.substr(0, 63) + "x", digits.substr(0, 32) + "\n" + digits.substr(33)}) {
    EXPECT_FALSE(parse_public_key(text)) << text;
  }
}

TEST(ParsePublicKey, RefusesUnusableKeysWithTheReason) {
  const struct {
    std::string digits;
    PublicKeyFault fault;
  } cases[] = {
      {std::string(64, '0'), PublicKeyFault::kSmallOrder},
      {"01" + std::string(62, '0'), PublicKeyFault::kSmallOrder},
      {"09" + std::string(62, '0'), PublicKeyFault::kBasePoint},
      {std::string(64, 'f'), PublicKeyFault::kNotCanonical},
      {std::string(kPublic.substr(0, 62)) + "ea", PublicKeyFault::kNotCanonical},
  };
  for (const auto& [digits, fault] : cases) {
    const auto key = parse_public_key(digits);
    ASSERT_FALSE(key) << digits;
    EXPECT_EQ(key.error().what, "not a usable public key: " + std::string(to_string(fault)));
  }
}

}  // namespace
}  // namespace pssst::identity
