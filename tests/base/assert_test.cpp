#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace pssst::base {
namespace {

TEST(Assert, PassesWhatHolds) {
  int evaluated = 0;
  PSSST_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(AssertDeathTest, AbortsNamingConditionAndPlace) {
  EXPECT_DEATH(PSSST_ASSERT(1 + 1 == 3), "assert_test.cpp:[0-9]+: assertion failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace pssst::base
