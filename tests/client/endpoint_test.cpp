#include "client/endpoint.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace pssst::client {
namespace {

std::string resolved(const char* host, AddressFamily family) {
  const auto endpoints = resolve(host, 7700, family);
  return endpoints ? endpoints->front().to_string() : endpoints.error().to_string();
}

TEST(Endpoint, LiteralAddresses) {
  EXPECT_EQ(resolved("192.0.2.1", AddressFamily::kAny), "192.0.2.1:7700");
  EXPECT_EQ(resolved("192.0.2.1", AddressFamily::kIpv4), "192.0.2.1:7700");
  EXPECT_EQ(resolved("2001:db8::1", AddressFamily::kAny), "[2001:db8::1]:7700");
  EXPECT_EQ(resolved("2001:db8::1", AddressFamily::kIpv6), "[2001:db8::1]:7700");
}

TEST(Endpoint, OneEntryForEachAddress) {
  const auto endpoints = resolve("192.0.2.1", 1, AddressFamily::kAny);
  ASSERT_TRUE(endpoints.has_value());
  EXPECT_EQ(endpoints->size(), 1u);
  EXPECT_EQ(endpoints->front().size, sizeof(sockaddr_in));
}

TEST(Endpoint, TheOtherFamilyIsAnErrorThatSaysSo) {
  const auto ipv6 = resolve("192.0.2.1", 7700, AddressFamily::kIpv6);
  ASSERT_FALSE(ipv6.has_value());
  EXPECT_EQ(ipv6.error().where, "192.0.2.1");
  EXPECT_NE(ipv6.error().remedy.find("IPv4 was ruled out"), std::string::npos);
  const auto ipv4 = resolve("2001:db8::1", 7700, AddressFamily::kIpv4);
  ASSERT_FALSE(ipv4.has_value());
  EXPECT_NE(ipv4.error().remedy.find("IPv6 was ruled out"), std::string::npos);
}

TEST(Endpoint, NoSuchHost) {
  // No name server is asked for a name that cannot be one.
  const auto endpoints = resolve("no such host", 7700, AddressFamily::kAny);
  ASSERT_FALSE(endpoints.has_value());
  EXPECT_EQ(endpoints.error().what.find("cannot resolve the host: "), 0u);
  EXPECT_EQ(endpoints.error().where, "no such host");
}

TEST(Endpoint, AnUnknownAddressStillPrints) {
  EXPECT_EQ(Endpoint{}.to_string(), "unknown address");
}

}  // namespace
}  // namespace pssst::client
