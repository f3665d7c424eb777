#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace pssst::base {
namespace {

TEST(FillRandom, DoesNotRepeat) {
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::uint8_t, 16> block{};
    fill_random(block);
    EXPECT_TRUE(seen.insert(block).second);
  }
}

TEST(FillRandom, FillsTheWholeSpanAndNoMore) {
  // A run of 16 zeros has probability 2^-128 each; a part left unfilled is one.
  constexpr std::size_t kSize = 100'003;
  std::vector<std::uint8_t> bytes(kSize + 16, 0);
  fill_random(std::span(bytes).first(kSize));
  const std::vector<std::uint8_t> zeros(16, 0);
  const auto first_run = std::search(bytes.begin(), bytes.end(), zeros.begin(), zeros.end());
  EXPECT_GE(first_run - bytes.begin(), static_cast<std::ptrdiff_t>(kSize - 15));
  EXPECT_TRUE(std::equal(zeros.begin(), zeros.end(), bytes.begin() + kSize));
}

TEST(FillRandom, TakesAnEmptySpan) {
  fill_random({});
}

}  // namespace
}  // namespace pssst::base
