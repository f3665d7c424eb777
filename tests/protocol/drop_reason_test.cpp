#include "pssst/drop_reason.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace pssst {
namespace {

TEST(DropReasonTest, NamesAndTextsAreUnique) {
  std::set<std::string_view> names;
  std::set<std::string_view> texts;
  for (const DropReasonInfo& info : kDropReasons) {
    EXPECT_TRUE(std::ranges::all_of(info.name, [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_' || c == '4';
    })) << info.name;
    EXPECT_FALSE(info.text.empty()) << info.name;
    names.insert(info.name);
    texts.insert(info.text);
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_EQ(texts.size(), kDropReasonCount);
}

TEST(DropReasonTest, EachReasonFindsItsName) {
  EXPECT_EQ(to_string(DropReason::kNone), "none");
  EXPECT_EQ(to_string(DropReason::kFrameTruncated), "frame_truncated");
  EXPECT_EQ(to_string(DropReason::kTooShort), "too_short");
  EXPECT_EQ(to_string(DropReason::kShutdown), "shutdown");
  EXPECT_EQ(static_cast<std::size_t>(DropReason::kShutdown) + 1, kDropReasonCount);
}

TEST(DropReasonTest, FrameDropsEndWhereDatagramsBegin) {
  EXPECT_FALSE(is_frame_drop(DropReason::kNone));
  EXPECT_TRUE(is_frame_drop(DropReason::kFrameTruncated));
  EXPECT_TRUE(is_frame_drop(DropReason::kUdpPort));
  EXPECT_FALSE(is_frame_drop(DropReason::kTooShort));
  EXPECT_FALSE(is_frame_drop(DropReason::kShutdown));
}

}  // namespace
}  // namespace pssst
