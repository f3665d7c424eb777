#include "net/socket_client_port.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <stdexcept>

#include "net/socket_port_maker.hpp"

namespace pssst::net {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

Endpoint endpoint(const std::string& address, std::uint16_t udp_port) {
  const std::vector<std::string> addresses{address};
  const std::vector<std::uint16_t> udp_ports{udp_port};
  const auto endpoints = resolve_endpoints(addresses, udp_ports);
  if (!endpoints) throw std::runtime_error(endpoints.error().to_string());
  return endpoints->front();
}

std::unique_ptr<SocketClientPort> open_port(const std::string& address, std::uint16_t udp_port,
                                            unsigned sockets) {
  auto port = SocketClientPort::open({.server = endpoint(address, udp_port), .sockets = sockets});
  if (!port) throw std::runtime_error(port.error().to_string());
  return *std::move(port);
}

/// Sends back what arrives, with a byte more; until `wanted` have come or a second has passed.
std::vector<Datagram> echo(SocketPort& server, std::size_t wanted) {
  std::vector<Datagram> seen;
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (seen.size() < wanted && std::chrono::steady_clock::now() < deadline) {
    std::array<Datagram, 64> received;
    const std::size_t count = server.receive(received);
    std::vector<Bytes> payloads;
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < count; ++i) {
      seen.push_back(received[i]);
      payloads.emplace_back(received[i].data, received[i].data + received[i].size).push_back(0xcc);
    }
    for (std::size_t i = 0; i < count; ++i) {
      replies.push_back({.to = received[i],
                         .data = payloads[i].data(),
                         .size = static_cast<std::uint16_t>(payloads[i].size())});
    }
    server.transmit(replies);
  }
  return seen;
}

class SocketClientPortTest : public testing::TestWithParam<const char*> {};

TEST_P(SocketClientPortTest, SendsFromAllItsSocketsAndReceivesTheReplies) {
  const std::string address = GetParam();
  const std::uint16_t udp_port = test::free_udp_port({address});
  const auto server = test::make_port({.addresses = {address}, .udp_ports = {udp_port}});
  const auto client = open_port(address, udp_port, 4);
  std::vector<Bytes> payloads;
  for (std::uint8_t i = 0; i < 32; ++i) payloads.push_back(Bytes(1u + i, i));
  for (std::size_t i = 0; i < payloads.size(); i += 8) {
    std::vector<Outgoing> outgoing;
    for (std::size_t k = i; k < i + 8; ++k) {
      outgoing.push_back(
          {.data = payloads[k].data(), .size = static_cast<std::uint16_t>(payloads[k].size())});
    }
    EXPECT_EQ(client->send(outgoing), 8u);
  }
  EXPECT_EQ(echo(*server, payloads.size()).size(), payloads.size());
  std::set<Bytes> replies;
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (replies.size() < payloads.size() && std::chrono::steady_clock::now() < deadline) {
    client->wait(10ms);
    std::array<Datagram, 5> received;  // fewer than there are: the rest comes later
    const std::size_t count = client->receive(received);
    ASSERT_LE(count, received.size());
    for (std::size_t i = 0; i < count; ++i) {
      replies.emplace(received[i].data, received[i].data + received[i].size);
    }
  }
  for (Bytes payload : payloads) {
    payload.push_back(0xcc);
    EXPECT_TRUE(replies.contains(payload)) << payload.size();
  }
  EXPECT_EQ(client->counters().send_errors.read(), 0u);
  EXPECT_EQ(client->counters().unreachable.read(), 0u);
}

TEST_P(SocketClientPortTest, CountsWhatIsUnreachableAndGoesOn) {
  const std::string address = GetParam();
  const std::uint16_t udp_port = test::free_udp_port({address});
  const auto client = open_port(address, udp_port, 1);
  const Bytes payload(64, 1);
  const Outgoing outgoing{.data = payload.data(), .size = 64};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client->send(std::span(&outgoing, 1)), 1u);
    client->wait(100ms);
    std::array<Datagram, 4> received;
    EXPECT_EQ(client->receive(received), 0u);
  }
  EXPECT_GE(client->counters().unreachable.read(), 4u);
  const auto server = test::make_port({.addresses = {address}, .udp_ports = {udp_port}});
  EXPECT_EQ(client->send(std::span(&outgoing, 1)), 1u);
  EXPECT_EQ(echo(*server, 1).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Loopback, SocketClientPortTest, testing::Values("127.0.0.1", "::1"));

/// Of 127.0.0.0/8 all addresses are this host's, and nobody needs rights for them.
TEST(SocketClientPort, SendsFromElsewhere) {
  const std::uint16_t udp_port = test::free_udp_port({"127.0.0.1"});
  const auto server = test::make_port({.addresses = {"127.0.0.1"}, .udp_ports = {udp_port}});
  const auto client = SocketClientPort::open(
      {.server = endpoint("127.0.0.1", udp_port), .sockets = 2, .foreign_sources = true});
  ASSERT_TRUE(client) << client.error().to_string();
  const Bytes payload(9, 1);
  const auto from = [&](std::uint8_t last) {
    return Outgoing{.data = payload.data(), .size = 9, .source = {127, 7, 0, last}};
  };
  const std::vector<Outgoing> outgoing{
      from(1), from(2), {.data = payload.data(), .size = 9}, from(3)};
  // As far as they are of one kind.
  EXPECT_EQ((*client)->send(outgoing), 2u);
  EXPECT_EQ((*client)->send(std::span(outgoing).subspan(2)), 1u);
  EXPECT_EQ((*client)->send(std::span(outgoing).subspan(3)), 1u);
  std::set<std::array<std::uint8_t, 16>> sources;
  for (const Datagram& datagram : echo(*server, 4)) sources.insert(datagram.source);
  const auto loopback = [](std::uint8_t b, std::uint8_t d) {
    return std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, b, 0, d};
  };
  EXPECT_EQ(sources, (std::set{loopback(7, 1), loopback(7, 2), loopback(7, 3), loopback(0, 1)}));
  // Of the four replies we hear one: the others are not for us.
  (*client)->wait(1s);
  std::array<Datagram, 5> received;
  EXPECT_EQ((*client)->receive(received), 1u);
  EXPECT_EQ((*client)->counters().send_errors.read(), 0u);
}

TEST(SocketClientPort, IsNotFromElsewhereOverIpv6) {
  const auto port = SocketClientPort::open(
      {.server = endpoint("::1", test::free_udp_port({"::1"})), .foreign_sources = true});
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().what.find("IPv4"), std::string::npos);
}

TEST(SocketClientPort, WaitsNoLongerThanTold) {
  const auto client = open_port("127.0.0.1", test::free_udp_port({"127.0.0.1"}), 3);
  const auto start = std::chrono::steady_clock::now();
  client->wait(20ms);
  client->wait(-1ms);
  const auto elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_GE(elapsed, 20ms);
  EXPECT_LT(elapsed, 5s);
}

TEST(SocketClientPort, SaysWhenThereIsNoRoute) {
  // Broadcast without permission is refused by connect(2), whatever routes there are.
  const auto port =
      SocketClientPort::open({.server = endpoint("255.255.255.255", 7), .sockets = 1});
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().what.find("cannot reach the address"), std::string::npos);
  EXPECT_EQ(port.error().where, "UDP port 7 on 255.255.255.255");
}

}  // namespace
}  // namespace pssst::net
