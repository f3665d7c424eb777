#include "server/config/protection.hpp"

#include <gtest/gtest.h>

namespace pssst::server {
namespace {

bool contains(const std::string& range, const std::string& address) {
  return parse_address_range(range).value().contains(parse_address(address).value());
}

TEST(AddressRange, HoldsWhatItsPrefixSays) {
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(contains("198.18.0.0/15", "198.19.255.255"));
  EXPECT_FALSE(contains("198.18.0.0/15", "198.20.0.0"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(AddressRange, AnAddressIsOneOfItsOwn) {
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(contains("::1", "::1"));
  EXPECT_FALSE(contains("::1", "::"));
}

TEST(AddressRange, AllOfOneFamilyIsNothingOfTheOther) {
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_FALSE(contains("2000::/3", "192.0.2.1"));
  EXPECT_TRUE(contains("::/0", "ffff::"));
  for (const char* range : {"::/0", "::/64", "::/80"}) {
    EXPECT_FALSE(contains(range, "192.0.2.1")) << range;
    EXPECT_TRUE(contains(range, "::1")) << range;
  }
  EXPECT_TRUE(contains("::ffff:0:0/96", "192.0.2.1")) << "who says so, means it";
}

TEST(AddressRange, RefusesWhatIsNone) {
  for (const char* text :
       {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x", "192.0.2.0/24/8",
        "192.0.2.1/24", "192.0.2/24", "::/129", "2001:db8::1/64", "host/24", "192.0.2.0/ 24"}) {
    EXPECT_FALSE(parse_address_range(text)) << text;
  }
}

TEST(Protection, AllowsWhatIsListed) {
  Protection protection;
  EXPECT_FALSE(protection.is_allowed(*parse_address("192.0.2.1")));
  protection.allow = {*parse_address_range("10.0.0.0/8"), *parse_address_range("192.0.2.0/24")};
  EXPECT_TRUE(protection.is_allowed(*parse_address("192.0.2.1")));
  EXPECT_TRUE(protection.is_allowed(*parse_address("10.9.8.7")));
  EXPECT_FALSE(protection.is_allowed(*parse_address("192.0.3.1")));
}

}  // namespace
}  // namespace pssst::server
