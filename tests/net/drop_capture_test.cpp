#include "net/drop_capture.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/tsc.hpp"

namespace pssst::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

DropReasons reasons() {
  return DropReasons().set(static_cast<std::size_t>(DropReason::kTag));
}

FrameNote note(double seconds) {
  const auto tsc = static_cast<std::uint64_t>(seconds * static_cast<double>(base::tsc_hz()));
  return {.tsc = tsc, .device = 0, .drop = DropReason::kTag};
}

TEST(DropCapture, WantsWhatItWasTold) {
  const DropCapture capture(reasons(), 10, 16);
  EXPECT_TRUE(capture.wants(DropReason::kTag));
  EXPECT_FALSE(capture.wants(DropReason::kUdpPort));
  EXPECT_FALSE(capture.wants(DropReason::kNone));
}

TEST(DropCapture, KeepsSoManyASecondAndNoMore) {
  DropCapture capture(reasons(), 10, 64);
  unsigned kept = 0;
  for (int i = 0; i < 50; ++i) kept += capture.offer(Bytes(60, 1), note(1000)) ? 1 : 0;
  EXPECT_EQ(kept, 10u) << "at once";
  // Half of what comes at twice the rate, and no credit for what was refused.
  for (int i = 1; i <= 100; ++i) {
    kept += capture.offer(Bytes(60, 1), note(1000 + i * 0.0501)) ? 1 : 0;
    while (!capture.ring().empty()) capture.ring().pop();
  }
  EXPECT_NEAR(kept, 60u, 1);
  // A long rest is worth one second.
  for (int i = 0; i < 50; ++i) kept += capture.offer(Bytes(60, 1), note(5000)) ? 1 : 0;
  EXPECT_NEAR(kept, 70u, 1);
}

TEST(DropCapture, AFullRingCostsNoCredit) {
  DropCapture capture(reasons(), 10, 2);
  EXPECT_TRUE(capture.offer(Bytes(60, 1), note(1)));
  EXPECT_TRUE(capture.offer(Bytes(60, 2), note(1)));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(capture.offer(Bytes(60, 3), note(1)));
  EXPECT_EQ(capture.ring().front().frame[0], 1);
  EXPECT_EQ(capture.ring().front().note.drop, DropReason::kTag);
  capture.ring().pop();
  EXPECT_TRUE(capture.offer(Bytes(60, 4), note(1)));
}

TEST(DropCapture, WhatIsNotWantedAborts) {
  DropCapture capture(reasons(), 10, 2);
  EXPECT_DEATH(capture.offer({}, {.drop = DropReason::kUdpPort}), "wants");
}

}  // namespace
}  // namespace pssst::net
