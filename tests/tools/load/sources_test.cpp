#include "tools/load/sources.hpp"

#include <gtest/gtest.h>

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

TEST(SourcePrefix, RefusesWhatIsNone) {
  for (const char* text : {"", "198.18.0.0", "198.18.0.0/", "198.18.0.0/7", "198.18.0.0/33",
                           "198.18.0.1/15", "198.18.0/15", "::/32", "198.18.0.0/15x", "/15"}) {
    EXPECT_FALSE(SourcePrefix::parse(text)) << text;
  }
}

}  // namespace
}  // namespace pssst::tools::load
