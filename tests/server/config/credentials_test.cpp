#include "server/config/credentials.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/environment.hpp"

namespace pssst::server {
namespace {

TEST(Credentials, AreFilesOfSystemds) {
  forget_systemd();
  EXPECT_TRUE(is_credential("credential:server.key"));
  EXPECT_FALSE(is_credential("server.key"));
  const auto unset = credential_file("credential:server.key");
  ASSERT_FALSE(unset);
  EXPECT_NE(unset.error().what.find("CREDENTIALS_DIRECTORY"), std::string::npos);
  EXPECT_NE(unset.error().remedy.find("LoadCredential=server.key:FILE"), std::string::npos);
  const Variable directory("CREDENTIALS_DIRECTORY", "/run/credentials/pssstd.service");
  EXPECT_EQ(credential_file("credential:server.key"), "/run/credentials/pssstd.service/server.key");
  for (const char* bad : {"credential:", "credential:.", "credential:..", "credential:/etc/shadow",
                          "credential:../x"}) {
    EXPECT_FALSE(credential_file(bad)) << bad;
  }
  EXPECT_TRUE(is_credential_file("/run/credentials/pssstd.service/server.key"));
  EXPECT_FALSE(is_credential_file("/run/credentials/pssstd.services"));
}

TEST(Credentials, StateDirectoryIsTheFirstOfSystemds) {
  forget_systemd();
  EXPECT_EQ(given_state_directory(), "");
  for (const char* given : {"/var/lib/pssst", "/var/lib/pssst:/var/lib/other"}) {
    const Variable directories("STATE_DIRECTORY", given);
    EXPECT_EQ(given_state_directory(), "/var/lib/pssst");
  }
}

}  // namespace
}  // namespace pssst::server
