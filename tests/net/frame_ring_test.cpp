#include "net/frame_ring.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace pssst::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes copy(const FrameRing::Entry& entry) {
  return {entry.frame.begin(), entry.frame.end()};
}

TEST(FrameRing, GivesFramesInTheirOrderWithTheirNotes) {
  FrameRing ring(4);
  EXPECT_TRUE(ring.empty());
  for (std::uint8_t round = 0; round < 10; ++round) {
    for (std::uint8_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(ring.push(Bytes(i, round), {.tsc = 100u + i, .device = i, .is_of_kernel = true}));
    }
    EXPECT_FALSE(ring.push(Bytes(1, 9), {}));
    for (std::uint8_t i = 0; i < 4; ++i) {
      ASSERT_FALSE(ring.empty());
      const FrameRing::Entry entry = ring.front();
      EXPECT_EQ(copy(entry), Bytes(i, round));
      EXPECT_EQ(entry.size, i);
      EXPECT_EQ(entry.note.tsc, 100u + i);
      EXPECT_EQ(entry.note.device, i);
      EXPECT_TRUE(entry.note.is_of_kernel);
      ring.pop();
    }
    EXPECT_TRUE(ring.empty());
  }
}

TEST(FrameRing, CutsLongFramesAndRemembersTheirSize) {
  FrameRing ring(1);
  Bytes frame(FrameRing::kFrameRoom + 500);
  std::iota(frame.begin(), frame.end(), std::uint8_t{0});
  ASSERT_TRUE(ring.push(frame, {.drop = DropReason::kFrameOversized}));
  const FrameRing::Entry entry = ring.front();
  EXPECT_EQ(entry.size, frame.size());
  EXPECT_EQ(entry.note.drop, DropReason::kFrameOversized);
  frame.resize(FrameRing::kFrameRoom);
  EXPECT_EQ(copy(entry), frame);
}

TEST(FrameRing, MisuseAborts) {
  EXPECT_DEATH(FrameRing(3), "has_single_bit");
  FrameRing ring(2);
  EXPECT_DEATH(static_cast<void>(ring.front()), "empty");
  EXPECT_DEATH(ring.pop(), "empty");
}

// Every frame arrives once, whole and in order, with neither thread waiting for the other.
TEST(FrameRing, CarriesFramesBetweenThreads) {
  constexpr std::uint64_t kFrames = 200'000;
  FrameRing ring(64);
  std::thread producer([&ring] {
    for (std::uint64_t i = 0; i < kFrames;) {
      const Bytes frame(1 + i % 97, static_cast<std::uint8_t>(i));
      if (ring.push(frame, {.tsc = i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kFrames;) {
    if (ring.empty()) {
      std::this_thread::yield();
      continue;
    }
    const FrameRing::Entry entry = ring.front();
    if (entry.note.tsc != i || copy(entry) != Bytes(1 + i % 97, static_cast<std::uint8_t>(i))) {
      ++wrong;
    }
    ring.pop();
    ++i;
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace pssst::net
