// Through the two calls that set sockets up: SocketPort::probe() and SocketPort::create().
#include "net/udp_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "net/socket_port_maker.hpp"
#include "net/udp_client.hpp"

namespace pssst::net {
namespace {

using test::free_udp_port;
using test::make_port;
using test::UdpClient;
using testing::HasSubstr;

TEST(UdpSocket, ProbeTellsAUdpPortThatIsTaken) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  const SocketPortConfig config{.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}};
  EXPECT_TRUE(SocketPort::probe(config));
  {
    // Workers share; whoever else holds the port, with SO_REUSEPORT or not, is noticed.
    const auto first = make_port(config);
    const auto second = make_port(config);
    const auto probed = SocketPort::probe(config);
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().what,
              "UDP port " + std::to_string(udp_port) + " on 127.0.0.1 is taken by another process");
    EXPECT_THAT(probed.error().remedy, HasSubstr("another UDP port"));
    const auto by_any = SocketPort::probe({.addresses = {"0.0.0.0"}, .udp_ports = {udp_port}});
    EXPECT_FALSE(by_any);
  }
  EXPECT_TRUE(SocketPort::probe(config));
}

TEST(UdpSocket, CreateFailsWhereAnotherHoldsTheUdpPortAlone) {
  const UdpClient other("127.0.0.1");
  const auto port =
      SocketPort::create({.addresses = {"127.0.0.1"}, .udp_ports = {other.udp_port()}});
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error().what, HasSubstr("is taken by another process"));
}

TEST(UdpSocket, Ipv6LeavesIpv4ToOthers) {
  const UdpClient other("127.0.0.1");
  const SocketPortConfig config{.addresses = {"::"}, .udp_ports = {other.udp_port()}};
  EXPECT_TRUE(SocketPort::probe(config));
  EXPECT_TRUE(SocketPort::create(config));
}

TEST(UdpSocket, RefusesWhatCannotBeBound) {
  const auto error = [](const SocketPortConfig& config) {
    const auto probed = SocketPort::probe(config);
    const auto created = SocketPort::create(config);
    EXPECT_FALSE(probed);
    EXPECT_FALSE(created);
    if (probed || created) return std::string();
    EXPECT_EQ(probed.error().to_string(), created.error().to_string());
    return probed.error().to_string();
  };
  EXPECT_THAT(error({.addresses = {"203.0.113.77"}, .udp_ports = {5000}}),
              HasSubstr("this machine has no such address"));
  EXPECT_THAT(error({.addresses = {"localhost"}, .udp_ports = {5000}}),
              HasSubstr("\"localhost\": not a numeric"));
  EXPECT_THAT(error({.addresses = {""}, .udp_ports = {5000}}), HasSubstr("not a numeric"));
  EXPECT_THAT(error({.addresses = {"127.0.0.1"}, .udp_ports = {0}}), HasSubstr("UDP port 0"));
  EXPECT_THAT(error({.addresses = {}, .udp_ports = {5000}}), HasSubstr("no address"));
  EXPECT_THAT(error({.addresses = {"127.0.0.1"}, .udp_ports = {}}), HasSubstr("no UDP port"));
}

TEST(UdpSocket, SaysSoWhenPermissionIsMissing) {
  unsigned first_open = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first_open;
  if (first_open <= 7) GTEST_SKIP() << "every UDP port is open to everyone here";
  const bool is_root = ::geteuid() == 0;
  ASSERT_TRUE(!is_root || ::seteuid(65534) == 0);
  const auto probed = SocketPort::probe({.addresses = {"127.0.0.1"}, .udp_ports = {7}});
  ASSERT_TRUE(!is_root || ::seteuid(0) == 0);
  ASSERT_FALSE(probed);
  EXPECT_THAT(probed.error().to_string(), HasSubstr("no permission to bind UDP port 7"));
  EXPECT_THAT(probed.error().to_string(), HasSubstr("CAP_NET_BIND_SERVICE"));
}

}  // namespace
}  // namespace pssst::net
