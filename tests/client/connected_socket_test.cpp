#include "client/connected_socket.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "client/loopback_server.hpp"

namespace pssst::client {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Event = ConnectedSocket::Event;
using test::Bytes;
using test::LoopbackServer;

LoopbackServer::Behaviour answer_with(const Bytes& datagram) {
  return
      [datagram](SingleServer&, const std::vector<Bytes>&) { return std::vector<Bytes>{datagram}; };
}

ConnectedSocket connect_or_die(const Endpoint& endpoint) {
  auto socket = ConnectedSocket::connect(endpoint);
  if (!socket) throw std::runtime_error(socket.error().to_string());
  return std::move(*socket);
}

TEST(ConnectedSocket, SendsAndReceives) {
  const LoopbackServer server("127.0.0.1", answer_with({1, 2, 3}));
  ConnectedSocket socket = connect_or_die(server.endpoint());
  const auto sent = socket.send(Bytes{9, 8});
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(sent->event, Event::kDatagram);

  std::array<std::uint8_t, 16> buffer{};
  const auto received = socket.receive(buffer, Clock::now() + milliseconds(2000));
  ASSERT_TRUE(received.has_value());
  ASSERT_EQ(received->event, Event::kDatagram);
  EXPECT_EQ(Bytes(buffer.begin(), buffer.begin() + received->size), (Bytes{1, 2, 3}));
  EXPECT_EQ(server.received(), (std::vector<Bytes>{{9, 8}}));
}

TEST(ConnectedSocket, TellsTheWholeSizeOfADatagramThatIsCut) {
  const LoopbackServer server("127.0.0.1", answer_with(Bytes(100, 7)));
  ConnectedSocket socket = connect_or_die(server.endpoint());
  ASSERT_TRUE(socket.send(Bytes{1}).has_value());
  std::array<std::uint8_t, 10> buffer{};
  const auto received = socket.receive(buffer, Clock::now() + milliseconds(2000));
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->size, 100u);
}

TEST(ConnectedSocket, WaitsUntilTheDeadlineAndNoLonger) {
  const LoopbackServer silent("127.0.0.1", [](auto&, auto&) { return std::vector<Bytes>{}; });
  ConnectedSocket socket = connect_or_die(silent.endpoint());
  std::array<std::uint8_t, 16> buffer{};
  const auto start = Clock::now();
  const auto received = socket.receive(buffer, start + milliseconds(50));
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->event, Event::kDeadline);
  EXPECT_GE(Clock::now() - start, milliseconds(50));
  EXPECT_LT(Clock::now() - start, milliseconds(1500));
}

TEST(ConnectedSocket, ADeadlineInThePastStillFindsWhatHasCome) {
  const LoopbackServer server("127.0.0.1", answer_with({5}));
  ConnectedSocket socket = connect_or_die(server.endpoint());
  std::array<std::uint8_t, 16> buffer{};
  const auto past = Clock::now() - milliseconds(1);
  EXPECT_EQ(socket.receive(buffer, past)->event, Event::kDeadline);
  ASSERT_TRUE(socket.send(Bytes{1}).has_value());
  Event event = Event::kDeadline;
  for (int i = 0; i < 2000 && event == Event::kDeadline; ++i) {
    std::this_thread::sleep_for(milliseconds(1));
    event = socket.receive(buffer, past)->event;
  }
  EXPECT_EQ(event, Event::kDatagram);
}

TEST(ConnectedSocket, HearsItsPeerAlone) {
  const LoopbackServer server("127.0.0.1", [](auto&, auto&) { return std::vector<Bytes>{}; });
  const LoopbackServer stranger("127.0.0.1", answer_with({66}));
  ConnectedSocket socket = connect_or_die(server.endpoint());
  ConnectedSocket bait = connect_or_die(stranger.endpoint());
  ASSERT_TRUE(bait.send(Bytes{1}).has_value());
  ASSERT_EQ(stranger.wait_for(1).size(), 1u);
  std::array<std::uint8_t, 16> buffer{};
  EXPECT_EQ(socket.receive(buffer, Clock::now() + milliseconds(30))->event, Event::kDeadline);
  EXPECT_EQ(bait.receive(buffer, Clock::now() + milliseconds(2000))->event, Event::kDatagram);
}

TEST(ConnectedSocket, AClosedPortIsUnreachableAndSendingGoesOn) {
  const Endpoint closed = test::closed_endpoint("127.0.0.1");
  ConnectedSocket socket = connect_or_die(closed);
  std::array<std::uint8_t, 16> buffer{};
  ASSERT_TRUE(socket.send(Bytes{1}).has_value());
  const auto received = socket.receive(buffer, Clock::now() + milliseconds(2000));
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->event, Event::kUnreachable);
  EXPECT_EQ(received->error_number, ECONNREFUSED);
  // The ICMP error for the first of these waits at the second, which leaves all the same.
  for (int i = 0; i < 2; ++i) {
    const auto sent = socket.send(Bytes{2});
    ASSERT_TRUE(sent.has_value()) << sent.error().to_string();
    EXPECT_EQ(sent->event, Event::kDatagram);
  }
}

TEST(ConnectedSocket, TooLongADatagramIsAnError) {
  const LoopbackServer server("127.0.0.1", answer_with({1}));
  ConnectedSocket socket = connect_or_die(server.endpoint());
  const auto sent = socket.send(Bytes(70'000));
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().what, "cannot send the datagram: Message too long");
}

TEST(ConnectedSocket, NoRouteIsAnErrorThatNamesTheAddress) {
  // Broadcasting needs a permission that the socket does not ask for.
  const auto endpoints = resolve("255.255.255.255", 7, AddressFamily::kAny);
  ASSERT_TRUE(endpoints.has_value());
  const auto socket = ConnectedSocket::connect(endpoints->front());
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().where, "255.255.255.255:7");
}

TEST(ConnectedSocket, Moves) {
  const LoopbackServer server("127.0.0.1", answer_with({4}));
  ConnectedSocket first = connect_or_die(server.endpoint());
  ConnectedSocket second = connect_or_die(test::closed_endpoint("127.0.0.1"));
  second = std::move(first);
  const ConnectedSocket& moved = second;
  static_cast<void>(moved);
  ASSERT_TRUE(second.send(Bytes{1}).has_value());
  std::array<std::uint8_t, 16> buffer{};
  EXPECT_EQ(second.receive(buffer, Clock::now() + milliseconds(2000))->event, Event::kDatagram);
}

}  // namespace
}  // namespace pssst::client
