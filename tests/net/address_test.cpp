#include "net/address.hpp"

#include <gtest/gtest.h>

namespace pssst::net {
namespace {

constexpr IpAddress kIpv6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd};

TEST(Address, MapsIpv4IntoIpv6AndBack) {
  constexpr Ipv4Address kIpv4{192, 0, 2, 1};
  constexpr IpAddress kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  EXPECT_EQ(mapped(kIpv4), kMapped);
  EXPECT_EQ(unmapped(kMapped), kIpv4);
  EXPECT_TRUE(is_mapped(kMapped));
  EXPECT_FALSE(is_mapped(kIpv6));
  for (std::size_t i = 0; i < 12; ++i) {
    IpAddress other = kMapped;
    other[i] ^= 1;
    EXPECT_FALSE(is_mapped(other)) << i;
  }
}

// The example of RFC 4291, section 2.7.1, and where RFC 2464, section 7, sends its frames.
TEST(Address, KnowsTheGroupsOfNeighbours) {
  constexpr IpAddress kAddress{0x40, 0x37, 0,    0, 0,    0,    0,    0,
                               0,    0x01, 0x08, 0, 0x20, 0x0e, 0x8c, 0x6c};
  constexpr IpAddress kGroup{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x0e, 0x8c, 0x6c};
  EXPECT_EQ(solicited_node(kAddress), kGroup);
  EXPECT_EQ(group_mac(kGroup), (MacAddress{0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c}));
}

TEST(Address, ReadsMacsAndNothingElse) {
  EXPECT_EQ(parse_mac("02:00:00:00:aB:01"), (MacAddress{2, 0, 0, 0, 0xab, 1}));
  for (const char* bad :
       {"", "02:00", "02:00:00:00:00:01:", "02-00-00-00-00-01", "020000000001", "2:0:0:0:0:1",
        "02:00:00:00:00:0g", "02:00:00:00:0001:", ":0200:000000:01"}) {
    EXPECT_FALSE(parse_mac(bad)) << bad;
  }
}

TEST(OwnAddresses, AreFoundByFamily) {
  const std::array<IpAddress, 3> all{mapped({192, 0, 2, 1}), kIpv6, mapped({192, 0, 2, 9})};
  const OwnAddresses own(all);
  ASSERT_EQ(own.ipv4().size(), 2u);
  ASSERT_EQ(own.ipv6().size(), 1u);
  EXPECT_TRUE(own.has_ipv4(Ipv4Address{192, 0, 2, 1}.data()));
  EXPECT_TRUE(own.has_ipv4(Ipv4Address{192, 0, 2, 9}.data()));
  EXPECT_FALSE(own.has_ipv4(Ipv4Address{192, 0, 2, 2}.data()));
  EXPECT_TRUE(own.has_ipv6(kIpv6.data()));
  EXPECT_FALSE(own.has_ipv6(mapped({192, 0, 2, 1}).data()));
  EXPECT_FALSE(OwnAddresses().has_ipv4(Ipv4Address{0, 0, 0, 0}.data()));
}

}  // namespace
}  // namespace pssst::net
