#include "net/socket_port.hpp"

#include <gtest/gtest.h>
#include <netinet/udp.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "net/own_network.hpp"
#include "net/socket_port_maker.hpp"
#include "net/udp_client.hpp"
#include "pssst/wire.hpp"

namespace pssst::net {
namespace {

using namespace std::chrono_literals;
using test::free_udp_port;
using test::make_port;
using test::run_in_own_network;
using test::UdpClient;
using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

// Receives until `wanted` datagrams are there or time is up.
std::vector<Datagram> receive(SocketPort& port, std::size_t wanted,
                              std::chrono::milliseconds patience = 2s) {
  std::vector<Datagram> received;
  std::array<Datagram, 64> space;
  const auto deadline = Clock::now() + patience;
  while (received.size() < wanted && Clock::now() < deadline) {
    const std::size_t count = port.receive(space);
    received.insert(received.end(), space.begin(),
                    space.begin() + static_cast<std::ptrdiff_t>(count));
    if (count == 0) port.wait(10ms);
  }
  return received;
}

struct Echoes {
  std::vector<Bytes> payloads;
  std::vector<Reply> replies;
};

Echoes echoes(const std::vector<Datagram>& datagrams) {
  Echoes echoes;
  for (const Datagram& d : datagrams) echoes.payloads.emplace_back(d.data, d.data + d.size);
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    echoes.replies.push_back({datagrams[i], echoes.payloads[i].data(), datagrams[i].size, false});
  }
  return echoes;
}

std::uint64_t frame_drops(const PortCounters& counters) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    sum += counters.drops.read(static_cast<DropReason>(i));
  }
  return sum;
}

void expect_books_balance(const SocketPort& port) {
  const PortCounters& counters = port.counters();
  EXPECT_EQ(counters.frames.read(), counters.datagrams.read() + counters.answered.read() +
                                        counters.handed_to_kernel.read() + frame_drops(counters));
}

Bytes numbered(std::size_t i) {
  return {static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0xaa};
}

class SocketPortFamilies : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Both, SocketPortFamilies, testing::Values("127.0.0.1", "::1"),
                         [](const auto& family) {
                           return family.param == "::1" ? std::string("IPv6") : std::string("IPv4");
                         });

TEST_P(SocketPortFamilies, EchoesABatchOf200) {
  const std::uint16_t udp_port = free_udp_port({GetParam()});
  auto port = make_port({.addresses = {GetParam()}, .udp_ports = {udp_port}});
  const UdpClient client(GetParam());
  for (std::size_t i = 0; i < 200; ++i) client.send(GetParam(), udp_port, numbered(i));

  const std::vector<Datagram> received = receive(*port, 200);
  ASSERT_EQ(received.size(), 200u);
  std::array<std::uint8_t, 16> source{};
  source[15] = 1;
  if (GetParam() != "::1") source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(Bytes(received[i].data, received[i].data + received[i].size), numbered(i));
    EXPECT_EQ(received[i].udp_port, udp_port);
    EXPECT_EQ(received[i].destination, source);  // the same loopback address
    EXPECT_EQ(received[i].source, source);
  }
  auto [payloads, replies] = echoes(received);
  port->transmit(replies);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_TRUE(replies[i].sent);
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << i;
    EXPECT_EQ(reply->payload, numbered(i));
  }
  EXPECT_EQ(port->counters().datagrams.read(), 200u);
  EXPECT_EQ(port->counters().bytes_in.read(), 600u);
  EXPECT_EQ(port->counters().bytes_out.read(), 600u);
  EXPECT_EQ(port->counters().missed.read(), 0u);
  expect_books_balance(*port);
}

TEST_P(SocketPortFamilies, EmptyAndLargestDatagramsPassLargerOnesAreCounted) {
  const std::uint16_t udp_port = free_udp_port({GetParam()});
  // One slot: an oversized datagram must not keep it.
  auto port = make_port({.addresses = {GetParam()}, .udp_ports = {udp_port}, .slots = 1});
  const UdpClient client(GetParam());
  for (const std::size_t size : {std::size_t{0}, kDatagramSizeMax + 1, kDatagramSizeMax,
                                 std::size_t{9000}, std::size_t{65000}, std::size_t{7}}) {
    client.send(GetParam(), udp_port, Bytes(size, 0x5a));
  }
  for (const std::size_t size : {std::size_t{0}, kDatagramSizeMax, std::size_t{7}}) {
    const auto received = receive(*port, 1);
    ASSERT_EQ(received.size(), 1u);
    EXPECT_EQ(received[0].size, size);
    auto [payloads, replies] = echoes(received);
    port->transmit(replies);
    EXPECT_TRUE(replies[0].sent);
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload, Bytes(size, 0x5a));
  }
  EXPECT_EQ(port->counters().drops.read(DropReason::kFrameOversized), 3u);
  EXPECT_EQ(port->counters().frames.read(), 6u);
  expect_books_balance(*port);
}

TEST_P(SocketPortFamilies, CountsWhatTheReceiveBufferLost) {
  const std::uint16_t udp_port = free_udp_port({GetParam()});
  auto port =
      make_port({.addresses = {GetParam()}, .udp_ports = {udp_port}, .receive_buffer_size = 16384});
  const UdpClient client(GetParam());
  for (std::size_t round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 300; ++i) client.send(GetParam(), udp_port, Bytes(1000, 1));
    std::array<Datagram, 64> space;
    while (const std::size_t count = port->receive(space)) {
      for (const Datagram& datagram : std::span(space).first(count)) port->release(datagram);
    }
    // The count of the lost comes with the next that is not.
    client.send(GetParam(), udp_port, Bytes(1, 2));
    const auto last = receive(*port, 1);
    ASSERT_EQ(last.size(), 1u);
    port->release(last[0]);
    const std::uint64_t sent = (round + 1) * 301;
    EXPECT_LT(port->counters().frames.read(), sent);
    EXPECT_EQ(port->counters().frames.read() + port->counters().missed.read(), sent);
  }
  expect_books_balance(*port);
}

TEST(SocketPort, RepliesLeaveFromTheAddressThatWasCalled) {
  const std::vector<std::string> any{"0.0.0.0", "::"};
  const std::uint16_t udp_port = free_udp_port(any);
  auto port = make_port({.addresses = any, .udp_ports = {udp_port}});
  const UdpClient ipv4("127.0.0.1");
  const UdpClient ipv6("::1");
  const std::string port_text = ":" + std::to_string(udp_port);
  for (const std::string called : {"127.0.0.2", "127.0.0.1", "127.1.2.3", "::1"}) {
    const UdpClient& client = called == "::1" ? ipv6 : ipv4;
    client.send(called, udp_port, Bytes{1});
    auto [payloads, replies] = echoes(receive(*port, 1));
    ASSERT_EQ(replies.size(), 1u);
    port->transmit(replies);
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << called;
    EXPECT_EQ(reply->from, (called == "::1" ? "[::1]" : called) + port_text);
  }
}

TEST(SocketPort, OneTransmitServesManySockets) {
  const std::vector<std::string> addresses{"127.0.0.1", "::1"};
  const std::uint16_t first = free_udp_port(addresses);
  const std::uint16_t second = free_udp_port(addresses);
  auto port = make_port({.addresses = addresses, .udp_ports = {first, second}});
  const UdpClient ipv4("127.0.0.1");
  const UdpClient ipv6("::1");
  std::multiset<std::string> wanted;
  for (std::size_t i = 0; i < 100; ++i) {
    const std::uint16_t udp_port = i % 2 == 0 ? first : second;
    const bool is_ipv6 = i % 3 == 0;
    (is_ipv6 ? ipv6 : ipv4).send(addresses[is_ipv6 ? 1 : 0], udp_port, numbered(udp_port));
    wanted.insert((is_ipv6 ? "[::1]:" : "127.0.0.1:") + std::to_string(udp_port));
  }
  auto received = receive(*port, 100);
  ASSERT_EQ(received.size(), 100u);
  // Received socket by socket; handed back in another order, with one of each next to another.
  std::vector<Datagram> mixed;
  for (std::size_t i = 0; i < 100; ++i) mixed.push_back(received[i * 37 % 100]);
  auto [payloads, replies] = echoes(mixed);
  port->transmit(replies);
  std::multiset<std::string> seen;
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(replies[i].sent);
    const auto reply = (i % 3 == 0 ? ipv6 : ipv4).receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload,
              numbered(reply->from.ends_with(std::to_string(first)) ? first : second));
    seen.insert(reply->from);
  }
  EXPECT_EQ(seen, wanted);
}

TEST(SocketPort, AFailingReplyDoesNotStopTheOthers) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}, .slots = 6});
  const UdpClient client("127.0.0.1");
  const Bytes too_long(65535, 0);
  for (std::size_t i = 0; i < 6; ++i) client.send("127.0.0.1", udp_port, numbered(i));
  auto [payloads, replies] = echoes(receive(*port, 6));
  ASSERT_EQ(replies.size(), 6u);
  for (const std::size_t i : std::initializer_list<std::size_t>{0, 2, 3, 5}) {
    replies[i].data = too_long.data();
    replies[i].size = 65535;
    replies[i].sent = true;
  }
  port->transmit(replies);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(replies[i].sent, i == 1 || i == 4) << i;
  EXPECT_EQ(client.receive()->payload, numbered(1));
  EXPECT_EQ(client.receive()->payload, numbered(4));
  EXPECT_EQ(port->counters().bytes_out.read(), 6u);
  // All six slots are free again.
  for (std::size_t i = 0; i < 6; ++i) client.send("127.0.0.1", udp_port, numbered(i));
  EXPECT_EQ(receive(*port, 6).size(), 6u);
}

TEST(SocketPort, AClientThatLeftDoesNotDisturbTheNext) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}});
  for (std::size_t i = 0; i < 20; ++i) {
    UdpClient("127.0.0.1").send("127.0.0.1", udp_port, numbered(i));
    const auto received = receive(*port, 1);
    ASSERT_EQ(received.size(), 1u);
    auto [payloads, replies] = echoes(received);
    port->transmit(replies);  // answered by an ICMP "port unreachable"
  }
  const UdpClient client("127.0.0.1");
  client.send("127.0.0.1", udp_port, numbered(99));
  auto [payloads, replies] = echoes(receive(*port, 1));
  port->transmit(replies);
  EXPECT_TRUE(client.receive());
}

TEST(SocketPort, HoldsNoMoreThanItsCapacity) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}, .slots = 8});
  EXPECT_EQ(port->capacity(), 8u);
  const UdpClient client("127.0.0.1");
  for (std::size_t i = 0; i < 20; ++i) client.send("127.0.0.1", udp_port, numbered(i));
  std::vector<Datagram> held = receive(*port, 8);
  ASSERT_EQ(held.size(), 8u);
  std::array<Datagram, 64> space;
  EXPECT_EQ(port->receive(space), 0u);
  port->release(held[2]);
  port->release(held[7]);
  port->release(held[4]);
  ASSERT_EQ(port->receive(space), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Bytes(space[i].data, space[i].data + space[i].size), numbered(8 + i));
  }
  // What is still held has not been written to.
  EXPECT_EQ(Bytes(held[3].data, held[3].data + 3), numbered(3));
  port->release(held[3]);
  EXPECT_DEATH(port->release(held[3]), "held");
}

TEST(SocketPort, AFloodedSocketDoesNotStarveAnother) {
  const std::vector<std::uint16_t> udp_ports{free_udp_port({"127.0.0.1"}),
                                             free_udp_port({"127.0.0.1"})};
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = udp_ports});
  const UdpClient client("127.0.0.1");
  for (const std::size_t quiet : std::initializer_list<std::size_t>{0, 1}) {
    for (std::size_t i = 0; i < 100; ++i) client.send("127.0.0.1", udp_ports[1 - quiet], Bytes{0});
    client.send("127.0.0.1", udp_ports[quiet], Bytes{1});
    std::array<Datagram, 16> space;
    bool seen = false;
    for (std::size_t pass = 0; pass < 2; ++pass) {
      for (const Datagram& d : std::span(space).first(port->receive(space))) {
        seen = seen || d.udp_port == udp_ports[quiet];
        port->release(d);
      }
    }
    EXPECT_TRUE(seen);
    while (const std::size_t count = port->receive(space)) {
      for (const Datagram& d : std::span(space).first(count)) port->release(d);
    }
  }
}

TEST(SocketPort, DropsBroadcasts) {
  const std::uint16_t udp_port = free_udp_port({"0.0.0.0"});
  auto port = make_port({.addresses = {"0.0.0.0"}, .udp_ports = {udp_port}});
  const UdpClient client("127.0.0.1");
  client.send("127.255.255.255", udp_port, Bytes{1});
  client.send("127.0.0.1", udp_port, Bytes{2});
  const auto received = receive(*port, 1);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].data[0], 2);
  EXPECT_EQ(port->counters().drops.read(DropReason::kFrameNotForUs), 1u);
  expect_books_balance(*port);
}

TEST(SocketPort, DropsIpv6Multicasts) {
  const std::vector<std::string> commands{
      "ip link set lo up", "ip link add link0 type veth peer name link1", "ip link set link1 up",
      "ip link set link0 up", "ip -6 address add 2001:db8::1/64 dev link0 nodad"};
  const auto body = [] {
    auto port = make_port({.addresses = {"::"}, .udp_ports = {5000}});
    UdpClient("2001:db8::1").send("ff02::1%link0", 5000, Bytes{1});
    UdpClient("::1").send("::1", 5000, Bytes{2});
    const auto received = receive(*port, 1);
    ASSERT_EQ(received.size(), 1u);
    EXPECT_EQ(received[0].data[0], 2);
    // Twice if the link's other end is up in time to hear it as well.
    EXPECT_GE(port->counters().drops.read(DropReason::kFrameNotForUs), 1u);
    expect_books_balance(*port);
  };
  if (!run_in_own_network(commands, body)) GTEST_SKIP() << "a network needs CAP_SYS_ADMIN";
}

TEST(SocketPort, Ipv6RepliesLeaveFromTheAddressThatWasCalled) {
  const std::vector<std::string> commands{"ip link set lo up",
                                          "ip -6 address add 2001:db8::2/128 dev lo nodad",
                                          "ip -6 address add 2001:db8::3/128 dev lo nodad"};
  const auto body = [] {
    auto port = make_port({.addresses = {"::"}, .udp_ports = {5000}});
    const UdpClient client("::1");
    for (const std::string called : {"2001:db8::2", "2001:db8::3", "::1"}) {
      // The kernel may lose what is sent to an address that is as young as this.
      std::vector<Datagram> received;
      for (std::size_t attempt = 0; received.empty() && attempt < 20; ++attempt) {
        client.send(called, 5000, Bytes{1});
        received = receive(*port, 1, 200ms);
      }
      auto [payloads, replies] = echoes(received);
      port->transmit(replies);
      const auto reply = client.receive();
      ASSERT_TRUE(reply) << called;
      EXPECT_EQ(reply->from, "[" + called + "]:5000");
    }
  };
  if (!run_in_own_network(commands, body)) GTEST_SKIP() << "a network needs CAP_SYS_ADMIN";
}

TEST(SocketPort, DropsDatagramsFromUdpPort0) {
  const int raw = ::socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
  if (raw < 0) GTEST_SKIP() << "a raw socket needs CAP_NET_RAW";
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}, .slots = 1});
  udphdr header{};
  header.dest = htons(udp_port);
  header.len = htons(sizeof header);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const std::uint16_t source : {std::uint16_t{0}, std::uint16_t{4000}}) {
    header.source = htons(source);
    EXPECT_EQ(::sendto(raw, &header, sizeof header, 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(sizeof header));
  }
  ::close(raw);
  EXPECT_EQ(receive(*port, 1).size(), 1u);
  EXPECT_EQ(port->counters().drops.read(DropReason::kUdpPort), 1u);
  expect_books_balance(*port);
}

TEST(SocketPort, WaitEndsWhenADatagramArrivesOrTimeIsUp) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  auto port = make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}});
  auto begin = Clock::now();
  port->wait(30ms);
  EXPECT_GE(Clock::now() - begin, 30ms);

  begin = Clock::now();
  std::thread sender([udp_port] {
    std::this_thread::sleep_for(50ms);
    UdpClient("127.0.0.1").send("127.0.0.1", udp_port, Bytes{1});
  });
  port->wait(10s);
  EXPECT_GE(Clock::now() - begin, 40ms);
  EXPECT_LT(Clock::now() - begin, 5s);
  sender.join();
  EXPECT_EQ(receive(*port, 1).size(), 1u);
}

}  // namespace
}  // namespace pssst::net
