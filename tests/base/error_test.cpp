#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace pssst::base {
namespace {

TEST(Error, ReadsPlaceFaultRemedy) {
  EXPECT_EQ((Error{"is readable by others", "/etc/key", "run chmod 600"}).to_string(),
            "/etc/key: is readable by others: run chmod 600");
}

TEST(Error, LeavesOutWhatIsEmpty) {
  EXPECT_EQ((Error{"what", "", ""}).to_string(), "what");
  EXPECT_EQ((Error{"what", "where", ""}).to_string(), "where: what");
  EXPECT_EQ((Error{"what", "", "remedy"}).to_string(), "what: remedy");
}

TEST(Error, TravelsInAResult) {
  const Result<int> result = fail("what", "where", "remedy");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().what, "what");
  EXPECT_EQ(result.error().where, "where");
  EXPECT_EQ(result.error().remedy, "remedy");
}

TEST(DescribeErrno, GivesTheSystemsText) {
  EXPECT_EQ(describe_errno(ENOENT), "No such file or directory");
  EXPECT_NE(describe_errno(99999).find("99999"), std::string::npos);
}

}  // namespace
}  // namespace pssst::base
