#include "server/config/network.hpp"

#include <gtest/gtest.h>

namespace pssst::server {
namespace {

TEST(Network, AddressesThatAHostCanHave) {
  for (const char* good : {"192.0.2.1", "10.255.255.255", "223.0.0.1", "2001:db8::1", "fe80::1",
                           "fd00::", "::2", "::ffff:192.0.2.1"}) {
    EXPECT_EQ(read_own_address(good), *parse_address(good)) << good;
  }
  for (const char* bad : {"", "192.0.2", "example.net", "192.0.2.1/24", "fe80::1%eth0"}) {
    const auto read = read_own_address(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().what, "not a numeric IPv4 or IPv6 address");
  }
  for (const char* bad : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255",
                          "::", "::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:255.255.255.255"}) {
    const auto read = read_own_address(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().what, "no address that a host can have");
  }
}

TEST(Network, Vlans) {
  EXPECT_EQ(read_vlan("0"), 0);
  EXPECT_EQ(read_vlan("4094"), 4094);
  for (const char* bad : {"", "4095", "-1", "5x", " 5", "99999999999"}) {
    EXPECT_FALSE(read_vlan(bad)) << bad;
  }
}

TEST(Network, DropReasonsByTheirNames) {
  EXPECT_EQ(read_drop_reasons("tag"), std::vector{DropReason::kTag});
  EXPECT_EQ(read_drop_reasons("frame_truncated,shutdown"),
            (std::vector{DropReason::kFrameTruncated, DropReason::kShutdown}));
  for (const char* bad : {"", "none", "tag,", ",tag", "tag vlan", "Tag"}) {
    EXPECT_FALSE(read_drop_reasons(bad)) << bad;
  }
}

TEST(Network, MacsOfOneStation) {
  EXPECT_EQ(read_station_mac("02:00:00:00:00:fe"), (net::MacAddress{2, 0, 0, 0, 0, 0xfe}));
  EXPECT_FALSE(read_station_mac("02:00:00:00:00"));
  EXPECT_FALSE(read_station_mac("03:00:00:00:00:01"));
  EXPECT_FALSE(read_station_mac("ff:ff:ff:ff:ff:ff"));
}

DpdkOptions good_options() {
  DpdkOptions options;
  options.vdevs = {"net_tap0"};
  options.addresses = {*parse_address("192.0.2.1"), *parse_address("2001:db8::1")};
  options.vlans = {0, 5};
  return options;
}

TEST(Network, WhatGoesTogetherAndWhatDoesNot) {
  EXPECT_TRUE(check_network(good_options()));
  const auto what = [](void (*spoil)(DpdkOptions&)) {
    DpdkOptions options = good_options();
    spoil(options);
    const auto checked = check_network(options);
    return checked ? std::string() : checked.error().to_string();
  };
  EXPECT_EQ(what([](DpdkOptions& options) { options.vdevs.clear(); }),
            "no device: name a virtual device or a PCI address");
  EXPECT_EQ(what([](DpdkOptions& options) { options.addresses.clear(); }),
            "no address of our own: give one");
  EXPECT_EQ(what([](DpdkOptions& options) {
              options.addresses.push_back(*parse_address("::ffff:192.0.2.1"));
            }),
            "192.0.2.1: the address stands twice");
  EXPECT_EQ(what([](DpdkOptions& options) { options.vlans.push_back(5); }),
            "5: the VLAN stands twice");
  EXPECT_EQ(what([](DpdkOptions& options) { options.mtu = 1279; }),
            "1279: IPv6 needs an MTU of 1280");
  EXPECT_EQ(what([](DpdkOptions& options) { options.mtu = 1280; }), "");
  EXPECT_EQ(what([](DpdkOptions& options) { options.exception_taps = {"a"}; }), "");
  EXPECT_EQ(what([](DpdkOptions& options) {
              options.exception_taps = {"a", "b"};
            }),
            "b: more taps than devices");
  EXPECT_EQ(what([](DpdkOptions& options) {
              options.vdevs.emplace_back("net_tap1"), options.exception_taps = {"a", "a"};
            }),
            "a: the tap stands twice");
  EXPECT_EQ(what([](DpdkOptions& options) { options.capture_drops = {DropReason::kTag}; }),
            "drops to capture and a file for them go together");
  EXPECT_EQ(what([](DpdkOptions& options) { options.mtu = 576, options.addresses.pop_back(); }),
            "");
  EXPECT_EQ(what([](DpdkOptions& options) {
              for (int i = 0; i < 63; ++i) {
                options.addresses.push_back(*parse_address("10.0.0." + std::to_string(i)));
              }
            }),
            "more than 64 addresses");
}

}  // namespace
}  // namespace pssst::server
