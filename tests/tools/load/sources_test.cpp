#include "tools/load/sources.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace pssst::tools::load {
namespace {

TEST(SourcePrefix, StaysWithinItselfAndSpreads) {
  auto prefix = SourcePrefix::parse("198.18.0.0/15");
  ASSERT_TRUE(prefix);
  std::set<net::Ipv4Address> seen;
  for (int i = 0; i < 1000; ++i) {
    const net::Ipv4Address address = prefix->next();
    EXPECT_EQ(address[0], 198);
    EXPECT_EQ(address[1] & 0xfe, 18);
    seen.insert(address);
  }
  EXPECT_GT(seen.size(), 950u);
}

TEST(SourcePrefix, OfOneAddress) {
  auto prefix = SourcePrefix::parse("192.0.2.7/32");
  ASSERT_TRUE(prefix);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(prefix->next(), (net::Ipv4Address{192, 0, 2, 7}));
}

TEST(SourcePrefix, OfTheWholeSpaceButForWhatNobodyRepliesTo) {
  auto prefix = SourcePrefix::parse("0.0.0.0/0");
  ASSERT_TRUE(prefix);
  std::set<std::uint8_t> first_bytes;
  for (int i = 0; i < 20'000; ++i) first_bytes.insert(prefix->next()[0]);
  EXPECT_EQ(first_bytes.size(), 222u);
  for (const std::uint8_t none : std::array<std::uint8_t, 4>{0, 127, 224, 255}) {
    EXPECT_FALSE(first_bytes.contains(none));
  }
}

TEST(SourcePrefix, OfTheLoopbackAlone) {
  auto prefix = SourcePrefix::parse("127.9.0.0/16");
  ASSERT_TRUE(prefix);
  const net::Ipv4Address address = prefix->next();
  EXPECT_EQ(address[0], 127);
  EXPECT_EQ(address[1], 9);
}

TEST(SourcePrefix, RefusesWhatHasNoSourcesInIt) {
  for (const char* text :
       {"0.0.0.0/8", "0.1.2.0/24", "224.0.0.0/4", "224.0.0.0/3", "255.1.1.1/32"}) {
    EXPECT_FALSE(SourcePrefix::parse(text)) << text;
  }
  for (const char* text : {"0.0.0.0/1", "0.0.0.0/7", "126.0.0.0/7", "127.0.0.0/8", "192.0.0.0/2"}) {
    auto prefix = SourcePrefix::parse(text);
    ASSERT_TRUE(prefix) << text;
    EXPECT_NE(prefix->next()[0], 0) << text;
  }
}

TEST(SourcePrefix, RefusesWhatIsNone) {
  for (const char* text : {"", "198.18.0.0", "198.18.0.0/", "198.18.0.0/14", "198.18.0.0/33",
                           "198.18.0.1/15", "198.18.0/15", "::/32", "198.18.0.0/15x", "/15"}) {
    EXPECT_FALSE(SourcePrefix::parse(text)) << text;
  }
}

}  // namespace
}  // namespace pssst::tools::load
