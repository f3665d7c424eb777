#include "server/handler/token_places.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace pssst::server {
namespace {

TEST(TokenPlaces, GivesEachPlaceOnceUntilItIsFreed) {
  TokenPlaces places(3, 100);
  std::set<std::size_t> taken;
  for (int i = 0; i < 3; ++i) taken.insert(*places.take());
  EXPECT_EQ(taken.size(), 3U);
  EXPECT_EQ(places.used(), 3U);
  EXPECT_FALSE(places.take());
  places.free(1, true);
  EXPECT_FALSE(places.is_used(1));
  EXPECT_EQ(places.take(), 1U);
}

TEST(TokenPlaces, TheOneFreedFirstIsTakenFirst) {
  TokenPlaces places(3, 100);
  for (int i = 0; i < 3; ++i) static_cast<void>(places.take());
  for (const std::size_t place : {2U, 0U, 1U}) places.free(place, true);
  EXPECT_EQ(places.take(), 2U);
  EXPECT_EQ(places.take(), 0U);
  EXPECT_EQ(places.take(), 1U);
}

TEST(TokenPlaces, KnowsTheFateOfEachToken) {
  TokenPlaces places(2, 100);
  const std::size_t place = *places.take();
  const std::uint64_t generation = places.generation(place);
  EXPECT_EQ(places.fate(place, generation), TokenFate::kAwaited);
  EXPECT_EQ(places.fate(place, generation + 1), TokenFate::kWrong);
  EXPECT_EQ(places.fate(place, 0), TokenFate::kWrong);
  EXPECT_EQ(places.fate(2, generation), TokenFate::kWrong);
  places.claim(place);
  EXPECT_EQ(places.fate(place, generation), TokenFate::kTwice);
  places.free(place, true);
  EXPECT_EQ(places.fate(place, generation), TokenFate::kTwice);
  static_cast<void>(places.take());
  ASSERT_EQ(places.take(), place);
  EXPECT_EQ(places.fate(place, generation), TokenFate::kLate);
  places.free(place, false);
  EXPECT_EQ(places.fate(place, places.generation(place)), TokenFate::kLate);
}

TEST(TokenPlaces, GenerationsGoRoundWithoutZero) {
  TokenPlaces places(1, 3, 2);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 6; ++i) {
    const std::size_t place = *places.take();
    seen.insert(places.generation(place));
    places.free(place, true);
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{1, 2, 3}));
}

TEST(TokenPlaces, NoneAtAll) {
  TokenPlaces places(0, 3);
  EXPECT_FALSE(places.take());
  EXPECT_EQ(places.fate(0, 1), TokenFate::kWrong);
}

}  // namespace
}  // namespace pssst::server
