// Needs CAP_NET_ADMIN; in a network namespace of the test's own.
#include "net/tap_device.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>

#include "net/frame_bytes.hpp"
#include "net/own_network.hpp"

namespace pssst::net {
namespace {

using namespace test;

constexpr MacAddress kMac{2, 0, 0, 0, 0, 0x42};

void in_own_network(const std::function<void()>& body) {
  if (!run_in_own_network({"ip link set lo up"}, body)) GTEST_SKIP() << "needs CAP_NET_ADMIN";
}

Bytes read_frame(TapDevice& tap) {
  pollfd poll{.fd = tap.fd(), .events = POLLIN, .revents = 0};
  Bytes frame(2000);
  ::poll(&poll, 1, 2000);
  frame.resize(tap.read(frame));
  return frame;
}

TEST(TapDevice, IsAnInterfaceWithOurMacThatIsUp) {
  in_own_network([] {
    {
      auto tap = TapDevice::create("pssst-tap", kMac, 1400);
      ASSERT_TRUE(tap) << tap.error().to_string();
      EXPECT_EQ(tap->name(), "pssst-tap");
      const std::string shown = output_of("ip -o link show pssst-tap");
      EXPECT_NE(shown.find("02:00:00:00:00:42"), std::string::npos) << shown;
      EXPECT_NE(shown.find("mtu 1400"), std::string::npos) << shown;
      EXPECT_NE(shown.find("LOWER_UP"), std::string::npos) << shown;
      EXPECT_TRUE(tap->set_carrier(false));
      EXPECT_NE(output_of("ip -o link show pssst-tap").find("NO-CARRIER"), std::string::npos);
      EXPECT_TRUE(tap->set_carrier(true));
      EXPECT_EQ(output_of("ip -o link show pssst-tap").find("NO-CARRIER"), std::string::npos);
    }
    EXPECT_EQ(::if_nametoindex("pssst-tap"), 0u) << "it goes with the object";
  });
}

TEST(TapDevice, CarriesFramesBothWays) {
  in_own_network([] {
    auto tap = TapDevice::create("pssst-tap", kOurMac, 1500);
    ASSERT_TRUE(tap) << tap.error().to_string();
    ASSERT_TRUE(
        succeeds("sysctl -qw net.ipv6.conf.pssst-tap.disable_ipv6=1 &&"
                 "ip address add 192.0.2.1/24 dev pssst-tap &&"
                 "ip neighbour add 192.0.2.99 lladdr 02:00:00:00:00:99 dev pssst-tap"));
    Bytes frame(2000);
    while (tap->read(frame) != 0) {
    }
    EXPECT_EQ(tap->read(frame), 0u) << "waits for nothing";

    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kOurUdpPort);
    address.sin_addr.s_addr = htonl(0xc0000201);
    ASSERT_EQ(::bind(udp, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(tap->write(make_request_frame(Bytes(20, 7))));
    Bytes payload(100);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(::recvfrom(udp, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&peer),
                         &size),
              20);
    EXPECT_EQ(payload[0], 7);

    payload.assign(30, 8);
    ASSERT_EQ(
        ::sendto(udp, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&peer), size),
        30);
    const Bytes sent = read_frame(*tap);
    const ParsedFrame parsed = parse_frame(sent, peer_filter());
    ASSERT_EQ(parsed.verdict, FrameVerdict::kDatagram) << to_string(parsed.drop);
    EXPECT_EQ(Bytes(parsed.payload.begin(), parsed.payload.end()), payload);
    ::close(udp);
  });
}

TEST(TapDevice, SaysWhyItCannotBeMade) {
  for (const char* name : {"", "a/b", "%d", "sixteen-letters-"}) {
    const auto tap = TapDevice::create(name, kMac, 1500);
    ASSERT_FALSE(tap) << name;
    EXPECT_NE(tap.error().what.find("not a name"), std::string::npos) << tap.error().to_string();
  }
  in_own_network([] {
    const auto first = TapDevice::create("pssst-tap", kMac, 1500);
    ASSERT_TRUE(first);
    const auto second = TapDevice::create("pssst-tap", kMac, 1500);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().to_string().find("another name"), std::string::npos)
        << second.error().to_string();
    EXPECT_FALSE(TapDevice::create("pssst-tap2", {1, 0, 0, 0, 0, 1}, 1500)) << "a group's MAC";
  });
}

}  // namespace
}  // namespace pssst::net
