#include "net/socket_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "net/socket_port.hpp"
#include "net/socket_port_maker.hpp"
#include "net/udp_client.hpp"

namespace pssst::net {
namespace {

using test::free_udp_port;
using test::UdpClient;

/// A worker that echoes what its port receives, and the port.
class EchoWorker {
 public:
  explicit EchoWorker(std::vector<std::uint16_t> udp_ports)
      : port_(test::make_port({.addresses = {"127.0.0.1"}, .udp_ports = std::move(udp_ports)})),
        thread_([this] { run(); }) {}
  EchoWorker(const EchoWorker&) = delete;
  EchoWorker& operator=(const EchoWorker&) = delete;
  ~EchoWorker() {
    stop_ = true;
    thread_.join();
  }

  [[nodiscard]] SocketPort& port() { return *port_; }

 private:
  void run() {
    std::array<Datagram, 16> received{};
    while (!stop_) {
      for (const Datagram& datagram : std::span(received).first(port_->receive(received))) {
        Reply reply{.to = datagram, .data = datagram.data, .size = datagram.size};
        port_->transmit({&reply, 1});
      }
      port_->wait(std::chrono::milliseconds(10));
    }
  }

  std::unique_ptr<SocketPort> port_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

bool is_echoed(std::uint16_t udp_port) {
  const UdpClient client("127.0.0.1");
  client.send("127.0.0.1", udp_port, std::array<std::uint8_t, 3>{1, 2, 3});
  return client.receive().has_value();
}

TEST(SocketSet, OpensAndClosesWhileAWorkerUsesIt) {
  const std::uint16_t first = free_udp_port({"127.0.0.1"});
  const std::uint16_t second = free_udp_port({"127.0.0.1"});
  EchoWorker worker({first});
  EXPECT_TRUE(is_echoed(first));
  ASSERT_TRUE(worker.port().open_udp_ports(std::array{first, second}));
  EXPECT_TRUE(is_echoed(first));
  EXPECT_TRUE(is_echoed(second));
  ASSERT_TRUE(worker.port().close_udp_ports_except(std::array{second}));
  EXPECT_TRUE(is_echoed(second));
  // The kernel has it back.
  EXPECT_TRUE(SocketPort::probe({.addresses = {"127.0.0.1"}, .udp_ports = {first}}));
  ASSERT_TRUE(worker.port().open_udp_ports(std::array{first}));
  EXPECT_TRUE(is_echoed(first));
}

TEST(SocketSet, AUdpPortThatIsNamedTwiceHasOneSocket) {
  const std::uint16_t udp_port = free_udp_port({"127.0.0.1"});
  {
    const auto set =
        SocketSet::create({.addresses = {"127.0.0.1"}}, std::array{udp_port, udp_port});
    ASSERT_TRUE(set);
    EXPECT_EQ((*set)->sockets().size(), 1U);
  }
  // The kernel would give a second one its share, and nobody would read it.
  EchoWorker worker({udp_port, udp_port});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_echoed(udp_port));
}

TEST(SocketSet, OpensAllOrNone) {
  const std::uint16_t first = free_udp_port({"127.0.0.1"});
  const std::uint16_t second = free_udp_port({"127.0.0.1"});
  const UdpClient other("127.0.0.1");
  EchoWorker worker({first});
  const auto opened = worker.port().open_udp_ports(std::array{second, other.udp_port()});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().to_string(),
              testing::HasSubstr("UDP port " + std::to_string(other.udp_port())));
  EXPECT_TRUE(SocketPort::probe({.addresses = {"127.0.0.1"}, .udp_ports = {second}}));
  EXPECT_TRUE(is_echoed(first));
}

TEST(SocketSet, WhatIsHeldFromAClosedSocketIsReleasedAndItsReplyNotSent) {
  const std::uint16_t first = free_udp_port({"127.0.0.1"});
  const std::uint16_t second = free_udp_port({"127.0.0.1"});
  auto port =
      test::make_port({.addresses = {"127.0.0.1"}, .udp_ports = {first, second}, .slots = 2});
  const UdpClient client("127.0.0.1");
  for (int i = 0; i < 2; ++i) {
    client.send("127.0.0.1", first, std::array<std::uint8_t, 3>{1, 2, 3});
  }
  std::array<Datagram, 2> held{};
  std::size_t count = 0;
  for (int pass = 0; pass < 1000 && count < held.size(); ++pass) {
    count += port->receive(std::span(held).subspan(count));
    port->wait(std::chrono::milliseconds(1));
  }
  ASSERT_EQ(count, held.size());
  std::thread closer([&] { EXPECT_TRUE(port->close_udp_ports_except(std::array{second})); });
  std::array<Datagram, 1> none{};
  while (!SocketPort::probe({.addresses = {"127.0.0.1"}, .udp_ports = {first}})) {
    EXPECT_EQ(port->receive(none), 0u);
  }
  closer.join();
  Reply reply{.to = held[0], .data = held[0].data, .size = held[0].size};
  port->transmit({&reply, 1});
  EXPECT_FALSE(reply.sent);
  port->release(held[1]);
  client.send("127.0.0.1", second, std::array<std::uint8_t, 3>{4, 5, 6});
  for (int pass = 0; pass < 1000 && port->receive(none) == 0; ++pass) {
    port->wait(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(none[0].udp_port, second);
  port->release(none[0]);
}

TEST(SocketSet, AChangeThatNoWorkerTakesUpIsAnErrorAndSoIsTheNext) {
  const std::uint16_t first = free_udp_port({"127.0.0.1"});
  const std::uint16_t second = free_udp_port({"127.0.0.1"});
  auto set = SocketSet::create({.addresses = {"127.0.0.1"}}, std::array{first});
  ASSERT_TRUE(set);
  for (int i = 0; i < 2; ++i) {
    const auto opened = (*set)->open_udp_ports(std::array{i == 0 ? second : first});
    if (i == 0) {
      ASSERT_FALSE(opened);
      EXPECT_THAT(opened.error().to_string(), testing::HasSubstr("does not take up its sockets"));
    } else {
      EXPECT_TRUE(opened) << "nothing to change";
    }
  }
  EXPECT_FALSE((*set)->close_udp_ports_except(std::array{second}));
}

}  // namespace
}  // namespace pssst::net
