#include "server/account.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace pssst::server {
namespace {

TEST(Account, IsFoundByNameAndByNumber) {
  const auto by_name = find_account("root", "here");
  ASSERT_TRUE(by_name && *by_name);
  EXPECT_EQ((*by_name)->user, 0U);
  EXPECT_EQ((*by_name)->group, 0U);
  const auto by_number = find_account(uid_t{0}, "here");
  ASSERT_TRUE(by_number && *by_number);
  EXPECT_EQ((*by_number)->name, "root");
}

TEST(Account, OfNobodyIsNoError) {
  const auto by_name = find_account("no-such-user", "here");
  ASSERT_TRUE(by_name);
  EXPECT_FALSE(*by_name);
  const auto by_number = find_account(uid_t{3'999'999'999}, "here");
  ASSERT_TRUE(by_number);
  EXPECT_FALSE(*by_number);
}

}  // namespace
}  // namespace pssst::server
