#include "tools/load/clients.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/hex.hpp"
#include "identity/client_list.hpp"
#include "tools/temporary_folder.hpp"

namespace pssst::tools::load {
namespace {

class Clients : public testing::Test {
 protected:
  [[nodiscard]] static std::string hex(const PrivateKey& key) { return base::to_hex(key.bytes()); }
  static std::string complaint(const std::string& path) {
    const auto keys = read_client_keys(path);
    return keys ? "" : keys.error().to_string();
  }

  const test::TemporaryFolder folder_;
  const PrivateKey first_ = PrivateKey::generate();
  const PrivateKey second_ = PrivateKey::generate();
};

TEST_F(Clients, MadeOnesAreReadAndEnrolled) {
  const std::string path = folder_.path() + "/keys";
  ASSERT_TRUE(make_client_keys(path, 5));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto keys = read_client_keys(path);
  ASSERT_TRUE(keys) << keys.error().to_string();
  ASSERT_EQ(keys->size(), 5u);
  const std::string list = folder_.path() + "/clients";
  ASSERT_TRUE(write_enrolment(list, *keys));
  const auto enrolled = identity::read_client_list(list);
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  ASSERT_EQ(enrolled->size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*enrolled)[i].public_key, (*keys)[i].public_key());
  }
  const auto again = make_client_keys(path, 5);
  ASSERT_FALSE(again) << "keys were written over";
  EXPECT_NE(again.error().what.find("exists"), std::string::npos);
}

TEST_F(Clients, FromAFileWithBlanksAndOtherLineEnds) {
  const auto keys =
      read_client_keys(folder_.file("keys", "\n" + hex(first_) + "\r\n\n  " + hex(second_)));
  ASSERT_TRUE(keys) << keys.error().to_string();
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].public_key(), first_.public_key());
  EXPECT_EQ((*keys)[1].public_key(), second_.public_key());
}

TEST_F(Clients, FromAFolderOfKeyFiles) {
  const std::string path = folder_.path() + "/many";
  std::filesystem::create_directory(path);
  static_cast<void>(folder_.file("many/b", hex(second_) + "\n"));
  static_cast<void>(folder_.file("many/a", hex(first_) + "\n"));
  const auto keys = read_client_keys(path);
  ASSERT_TRUE(keys) << keys.error().to_string();
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].public_key(), first_.public_key());
  static_cast<void>(folder_.file("many/c", hex(first_), 0640));
  EXPECT_NE(complaint(path).find("open to group or others"), std::string::npos);
}

TEST_F(Clients, WhatIsWrongIsSaidWithoutTheKeys) {
  EXPECT_NE(complaint(folder_.path() + "/none").find("--make-clients"), std::string::npos);
  EXPECT_NE(complaint(folder_.file("open", hex(first_), 0644)).find("chmod 600"),
            std::string::npos);
  EXPECT_NE(complaint(folder_.file("empty", "\n")).find("holds no key"), std::string::npos);
  const std::string bad =
      complaint(folder_.file("bad", hex(first_) + "\n" + hex(second_).substr(1) + "\n"));
  EXPECT_NE(bad.find("line 2 is not a private key"), std::string::npos) << bad;
  EXPECT_EQ(bad.find(hex(second_).substr(1, 8)), std::string::npos);
  EXPECT_FALSE(complaint(folder_.file("not_hex", std::string(64, 'g'))).empty());
  EXPECT_NE(complaint(hex(first_)).find("never stands on a command line"), std::string::npos);
  EXPECT_EQ(complaint(hex(first_)).find(hex(first_)), std::string::npos);
  EXPECT_NE(complaint("/dev/null").find("neither a file nor a folder"), std::string::npos);
}

}  // namespace
}  // namespace pssst::tools::load
