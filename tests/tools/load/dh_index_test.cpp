#include "tools/load/dh_index.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace pssst::tools::load {
namespace {

using Dh = std::array<std::uint8_t, kDhSize>;

// The key lies in bytes 8 to 15; where a search begins, in the lowest bits of the first of them.
Dh make_dh(std::uint8_t home, std::uint64_t rest) {
  Dh dh{};
  dh[8] = home;
  for (std::size_t i = 0; i < 8; ++i) dh[10 + i] = static_cast<std::uint8_t>(rest >> (8 * i));
  return dh;
}

TEST(DhIndex, FindsWhatWasPutInAndNothingElse) {
  DhIndex index(3);
  index.insert(make_dh(1, 1), 7);
  index.insert(make_dh(1, 2), 8);
  EXPECT_EQ(index.find(make_dh(1, 1)), 7u);
  EXPECT_EQ(index.find(make_dh(1, 2)), 8u);
  EXPECT_FALSE(index.find(make_dh(1, 3)));
  index.erase(make_dh(1, 1), 7);
  EXPECT_FALSE(index.find(make_dh(1, 1)));
  EXPECT_EQ(index.find(make_dh(1, 2)), 8u) << "the search must not end at the hole";
}

// All homes lie within a few slots of the table's end, so that searches and moves wrap around.
TEST(DhIndex, DoesWhatAMapDoesWhereSearchesAreLong) {
  constexpr std::size_t kSize = 24;
  std::mt19937_64 generator(3);
  DhIndex index(kSize);
  std::map<Dh, std::uint32_t> model;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const Dh dh = make_dh(static_cast<std::uint8_t>(60 + generator() % 6), generator() % 8);
    if (const auto found = model.find(dh); found != model.end()) {
      ASSERT_EQ(index.find(dh), found->second);
      if (generator() % 2 == 0) {
        index.erase(dh, found->second);
        model.erase(found);
      }
    } else {
      ASSERT_FALSE(index.find(dh)) << step;
      if (model.size() < kSize) {
        index.insert(dh, step);
        model.emplace(dh, step);
      }
    }
    for (const auto& [key, value] : model) ASSERT_EQ(index.find(key), value) << step;
  }
}

TEST(DhIndexDeathTest, HoldsNoMoreThanItHasRoomFor) {
  DhIndex index(1);
  index.insert(make_dh(0, 0), 0);
  EXPECT_DEATH(index.insert(make_dh(0, 1), 1), "size_ < size_max_");
  EXPECT_DEATH(index.erase(make_dh(0, 1), 1), "kFree");
}

}  // namespace
}  // namespace pssst::tools::load
