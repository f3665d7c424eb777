#include "server/config/credentials.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pssst::server {
namespace {

class Credentials : public testing::Test {
 protected:
  Credentials() { forget(); }
  ~Credentials() override { forget(); }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  static void forget() {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    ::unsetenv("STATE_DIRECTORY");
  }
};

TEST_F(Credentials, AreFilesOfSystemds) {
  EXPECT_TRUE(is_credential("credential:server.key"));
  EXPECT_FALSE(is_credential("server.key"));
  const auto unset = credential_file("credential:server.key");
  ASSERT_FALSE(unset);
  EXPECT_NE(unset.error().what.find("CREDENTIALS_DIRECTORY"), std::string::npos);
  EXPECT_NE(unset.error().remedy.find("LoadCredential=server.key:FILE"), std::string::npos);
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/pssstd.service", 1), 0);
  EXPECT_EQ(credential_file("credential:server.key"), "/run/credentials/pssstd.service/server.key");
  for (const char* bad : {"credential:", "credential:.", "credential:..", "credential:/etc/shadow",
                          "credential:../x"}) {
    EXPECT_FALSE(credential_file(bad)) << bad;
  }
  EXPECT_TRUE(is_credential_file("/run/credentials/pssstd.service/server.key"));
  EXPECT_FALSE(is_credential_file("/run/credentials/pssstd.services"));
}

TEST_F(Credentials, StateDirectoryIsTheFirstOfSystemds) {
  EXPECT_EQ(given_state_directory(), "");
  ASSERT_EQ(::setenv("STATE_DIRECTORY", "/var/lib/pssst", 1), 0);
  EXPECT_EQ(given_state_directory(), "/var/lib/pssst");
  ASSERT_EQ(::setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1), 0);
  EXPECT_EQ(given_state_directory(), "/var/lib/a");
}

}  // namespace
}  // namespace pssst::server
