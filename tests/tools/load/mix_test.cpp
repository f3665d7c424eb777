#include "tools/load/mix.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace pssst::tools::load {
namespace {

TEST(Mix, GivesEachItsShareAtAnyTime) {
  Mix mix({3, 5, 1, 0.5});
  std::array<double, 4> drawn{};
  for (int draws = 1; draws <= 9500; ++draws) {
    drawn.at(mix.draw()) += 1;
    const std::array<double, 4> weights{3, 5, 1, 0.5};
    for (std::size_t i = 0; i < 4; ++i) {
      ASSERT_LE(std::abs(drawn[i] - draws * weights[i] / 9.5), 2) << draws << " draws, " << i;
    }
  }
  EXPECT_EQ(drawn[0], 3000);
}

TEST(Mix, NeverDrawsWhatHasNoWeight) {
  Mix mix({0, 1, 0});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(mix.draw(), 1u);
  Mix last({1, 0});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(last.draw(), 0u);
}

TEST(MixDeathTest, WantsWeights) {
  EXPECT_DEATH(Mix({0, 0}), "sum_ > 0");
  EXPECT_DEATH(Mix({2, -1}), "w >= 0");
}

TEST(Sizes, OneOrSeveralWithWeights) {
  const auto one = parse_sizes("64", 1420);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().size, 64u);
  const auto several = parse_sizes("22:3,64:5,0,1420:0.5", 1420);
  ASSERT_TRUE(several);
  ASSERT_EQ(several->size(), 4u);
  EXPECT_EQ((*several)[1].size, 64u);
  EXPECT_EQ((*several)[1].weight, 5);
  EXPECT_EQ((*several)[2].size, 0u);
  EXPECT_EQ((*several)[2].weight, 1);
  EXPECT_EQ((*several)[3].weight, 0.5);
}

TEST(Sizes, BadOnesAreRefusedWithWhatToDo) {
  for (const char* text : {"", "x", "64:", "64:0", "64:-1", "64:nan", "64:inf", "64,", ",64", "-1",
                           "64 ", "64:1:2", "6.4", "99999999999999999999"}) {
    const auto sizes = parse_sizes(text, 1420);
    ASSERT_FALSE(sizes) << text;
    EXPECT_FALSE(sizes.error().remedy.empty());
  }
  const auto large = parse_sizes("64:1,1421:1", 1420);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().what, "a message of 1421 bytes does not fit a datagram");
  EXPECT_EQ(large.error().remedy, "a message has at most 1420 bytes here");
}

TEST(NamedWeights, NamesWithNumbers) {
  const auto weights = parse_named_weights("junk:0.5,small-order:2");
  ASSERT_TRUE(weights);
  ASSERT_EQ(weights->size(), 2u);
  EXPECT_EQ((*weights)[1].name, "small-order");
  EXPECT_EQ((*weights)[1].weight, 2);
  for (const char* text : {"", "junk", "junk:", "junk:0", ":1", "junk:1,junk:2", "junk:1,"}) {
    EXPECT_FALSE(parse_named_weights(text)) << text;
  }
}

}  // namespace
}  // namespace pssst::tools::load
