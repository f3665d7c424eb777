/// Frames spoilt one way each, and the reason for which they must be dropped.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <string_view>
#include <vector>

#include "net/frame.hpp"
#include "net/frame_bytes.hpp"

namespace pssst::net::test {

inline Bytes counting_bytes(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

/// Parses a copy of exactly the frame's size, so that sanitizers see every byte read beyond it.
inline ParsedFrame parse(const Bytes& frame, const FrameFilter& filter = our_filter()) {
  static Bytes copy;
  copy = Bytes(frame);
  copy.shrink_to_fit();
  return parse_frame(copy, filter);
}

struct DropCase {
  std::string_view name;
  DropReason drop;
  std::function<void(Bytes&)> spoil;
  FrameVerdict verdict = FrameVerdict::kDrop;
};

inline void expect_drops(const Bytes& good, const std::vector<DropCase>& cases,
                         const FrameFilter& filter = our_filter()) {
  ASSERT_EQ(parse(good, filter).drop, DropReason::kNone);
  for (const DropCase& c : cases) {
    Bytes frame = good;
    c.spoil(frame);
    const ParsedFrame parsed = parse(frame, filter);
    EXPECT_EQ(parsed.drop, c.drop)
        << c.name << ": " << to_string(parsed.drop) << ", not " << to_string(c.drop);
    EXPECT_EQ(parsed.verdict, c.verdict) << c.name;
    EXPECT_TRUE(parsed.payload.empty()) << c.name;
  }
}

}  // namespace pssst::net::test
