#include "net/overflow_counter.hpp"

#include <gtest/gtest.h>

namespace pssst::net {
namespace {

TEST(OverflowCounter, TellsOnlyWhatIsNew) {
  OverflowCounter counter;
  EXPECT_EQ(counter.advance(3), 3u);
  EXPECT_EQ(counter.advance(3), 0u);
  EXPECT_EQ(counter.advance(10), 7u);
}

TEST(OverflowCounter, GoesOnWhereTheKernelsCountWraps) {
  OverflowCounter counter;
  EXPECT_EQ(counter.advance(0xfffffff0u), 0xfffffff0u);
  EXPECT_EQ(counter.advance(0x10u), 0x20u);
}

}  // namespace
}  // namespace pssst::net
