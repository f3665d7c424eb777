#include "client/udp_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "client/loopback_server.hpp"

namespace pssst::client {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using test::Bytes;
using test::echo;
using test::LoopbackServer;

std::vector<Bytes> always_echo(SingleServer& server, const std::vector<Bytes>& received) {
  return {echo(server, received.back())};
}

std::vector<Bytes> stay_silent(SingleServer&, const std::vector<Bytes>&) {
  return {};
}

UdpClient client_of(const LoopbackServer& server, const PrivateKey* key = nullptr) {
  auto client = UdpClient::create({server.endpoint()}, server.public_key(), key);
  if (!client) throw std::runtime_error(client.error().to_string());
  return std::move(*client);
}

Bytes message_of(std::size_t size) {
  Bytes message(size);
  std::iota(message.begin(), message.end(), std::uint8_t{0});
  return message;
}

Bytes dh_of(const Bytes& datagram) {
  return {datagram.begin() + kDhOffset, datagram.begin() + kDhOffset + kDhSize};
}

constexpr CallOptions kPatient{.timeout = milliseconds(2000), .tries = 1};
constexpr CallOptions kPersistent{.timeout = milliseconds(80), .tries = 25};

void expect_answers_of_every_size(const char* address) {
  const PrivateKey key = PrivateKey::generate();
  const PublicKey public_key = key.public_key();
  const LoopbackServer server(address, always_echo, &public_key);
  for (const PrivateKey* used : {static_cast<const PrivateKey*>(nullptr), &key}) {
    UdpClient client = client_of(server, used);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{64}, client.message_size_max()}) {
      const Bytes message = message_of(size);
      const auto report = client.call(message, kPatient);
      ASSERT_TRUE(report.has_value()) << report.error().to_string();
      ASSERT_TRUE(report->reply.has_value()) << size << " bytes";
      EXPECT_EQ(*report->reply, message);
      EXPECT_EQ(report->tries, 1u);
      EXPECT_EQ(report->bad_replies, 0u);
      EXPECT_GT(report->elapsed.count(), 0);
    }
  }
}

TEST(UdpClient, CallsOfEverySizeAreAnswered) {
  expect_answers_of_every_size("127.0.0.1");
}

TEST(UdpClient, CallsOfEverySizeAreAnsweredOverIpv6) {
  if (!test::has_ipv6()) GTEST_SKIP() << "this machine has no ::1";
  expect_answers_of_every_size("::1");
}

TEST(UdpClient, TheLongestMessageFillsADatagram) {
  const PrivateKey key = PrivateKey::generate();
  const LoopbackServer server("127.0.0.1", stay_silent);
  EXPECT_EQ(client_of(server).message_size_max(), kDatagramSizeMax - kOverheadSize);
  UdpClient client = client_of(server, &key);
  EXPECT_EQ(client.message_size_max(), kDatagramSizeMax - kAuthOverheadSize);

  const auto report = client.call(message_of(client.message_size_max() + 1), kPatient);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().what, "the message has 1357 bytes, but a datagram holds at most 1356");
  EXPECT_FALSE(client.send(message_of(client.message_size_max() + 1)).has_value());
  ASSERT_TRUE(client.send(message_of(client.message_size_max())).has_value());
  const auto received = server.wait_for(1);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].size(), kDatagramSizeMax);
}

TEST(UdpClient, ARetryIsAFreshRequest) {
  const LoopbackServer server("127.0.0.1", [](SingleServer& single, const auto& received) {
    return received.size() < 3 ? std::vector<Bytes>{}
                               : std::vector<Bytes>{echo(single, received.back())};
  });
  UdpClient client = client_of(server);
  const auto report = client.call(message_of(20), kPersistent);
  ASSERT_TRUE(report.has_value() && report->reply.has_value());
  EXPECT_GE(report->tries, 3u);
  EXPECT_GE(report->elapsed, 2 * kPersistent.timeout);

  std::set<Bytes> seen;
  for (const Bytes& datagram : server.received()) seen.insert(dh_of(datagram));
  EXPECT_EQ(seen.size(), report->tries);
}

TEST(UdpClient, ALateReplyToAnEarlierTryCounts) {
  const LoopbackServer server("127.0.0.1", [](SingleServer& single, const auto& received) {
    return received.size() < 2 ? std::vector<Bytes>{}
                               : std::vector<Bytes>{echo(single, received.front())};
  });
  UdpClient client = client_of(server);
  const Bytes message = message_of(20);
  const auto report = client.call(message, kPersistent);
  ASSERT_TRUE(report.has_value() && report->reply.has_value());
  EXPECT_EQ(*report->reply, message);
  EXPECT_GE(report->tries, 2u);
  EXPECT_EQ(report->bad_replies, 0u);
}

TEST(UdpClient, BadRepliesArePassedOver) {
  const LoopbackServer server("127.0.0.1", [](SingleServer& single, const auto& received) {
    const Bytes good = echo(single, received.back());
    Bytes wrong_tag = good;
    wrong_tag.back() ^= 1;
    Bytes wrong_flags = good;
    wrong_flags[0] ^= 0x40;
    const Bytes cut(good.begin(), good.begin() + 51);
    return std::vector<Bytes>{Bytes{}, received.back(), wrong_flags, cut, wrong_tag, good};
  });
  UdpClient client = client_of(server);
  const Bytes message = message_of(100);
  const auto report = client.call(message, kPatient);
  ASSERT_TRUE(report.has_value() && report->reply.has_value());
  EXPECT_EQ(*report->reply, message);
  EXPECT_EQ(report->tries, 1u);
  EXPECT_EQ(report->bad_replies, 5u);
  EXPECT_EQ(report->last_fault, ReplyFault::kTag);
}

TEST(UdpClient, TheReplyToACallBeforeIsNotTakenForThisOnes) {
  const LoopbackServer server("127.0.0.1", [](SingleServer& single, const auto& received) {
    return std::vector<Bytes>{echo(single, received.front()), echo(single, received.back())};
  });
  UdpClient client = client_of(server);
  ASSERT_TRUE(client.call(message_of(5), kPatient)->reply.has_value());
  const auto report = client.call(message_of(6), kPatient);
  ASSERT_TRUE(report.has_value() && report->reply.has_value());
  EXPECT_EQ(*report->reply, message_of(6));
  EXPECT_EQ(report->last_fault, ReplyFault::kDh);
}

TEST(UdpClient, SilenceEndsAtTheDeadline) {
  const LoopbackServer server("127.0.0.1", stay_silent);
  UdpClient client = client_of(server);
  const auto start = Clock::now();
  const auto report = client.call(message_of(1), {.timeout = milliseconds(60), .tries = 2});
  const auto elapsed = Clock::now() - start;
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->reply.has_value());
  EXPECT_EQ(report->tries, 2u);
  EXPECT_GE(elapsed, milliseconds(120));
  EXPECT_LT(elapsed, milliseconds(1500));
  EXPECT_EQ(server.received().size(), 2u);
}

TEST(UdpClient, AFloodOfBadRepliesDoesNotMoveTheDeadline) {
  const LoopbackServer server("127.0.0.1", stay_silent);
  UdpClient client = client_of(server);
  std::atomic<bool> stop = false;
  std::thread flood([&] {
    static_cast<void>(server.wait_for(1));
    while (!stop) server.send(Bytes(60, 0x80));
  });
  const auto start = Clock::now();
  std::optional<CallReport> report;
  std::thread caller([&] {
    auto result = client.call(message_of(1), {.timeout = milliseconds(100), .tries = 1});
    if (result) report = std::move(*result);
    stop = true;
  });
  // An endless call must fail the test, not hang it.
  while (!stop && Clock::now() - start < std::chrono::seconds(3)) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(stop);
  stop = true;
  flood.join();
  caller.join();
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->reply.has_value());
  EXPECT_GT(report->bad_replies, 0u);
  EXPECT_LT(report->elapsed, milliseconds(1500));
}

TEST(UdpClient, NobodyListensIsAHintAndTriesGoOn) {
  const LoopbackServer other("127.0.0.1", stay_silent);
  auto client =
      UdpClient::create({test::closed_endpoint("127.0.0.1")}, other.public_key(), nullptr);
  ASSERT_TRUE(client.has_value());
  const auto report = client->call(message_of(1), {.timeout = milliseconds(40), .tries = 3});
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_FALSE(report->reply.has_value());
  EXPECT_EQ(report->tries, 3u);
  EXPECT_EQ(report->unreachable_errno, ECONNREFUSED);
  EXPECT_GE(report->elapsed, milliseconds(120));
}

TEST(UdpClient, TheNextAddressIsTriedAtOnce) {
  const LoopbackServer server("127.0.0.1", always_echo);
  auto client = UdpClient::create(
      {test::closed_endpoint("127.0.0.2"), test::closed_endpoint("127.0.0.1"), server.endpoint()},
      server.public_key(), nullptr);
  ASSERT_TRUE(client.has_value());
  const auto report = client->call(message_of(3), kPatient);
  ASSERT_TRUE(report.has_value() && report->reply.has_value());
  EXPECT_EQ(report->tries, 1u);
  EXPECT_EQ(client->address(), server.endpoint().to_string());
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(UdpClient, AddressesThatAreAllClosedEndInSilence) {
  const LoopbackServer other("127.0.0.1", stay_silent);
  auto client =
      UdpClient::create({test::closed_endpoint("127.0.0.1"), test::closed_endpoint("127.0.0.2")},
                        other.public_key(), nullptr);
  ASSERT_TRUE(client.has_value());
  const auto report = client->call(message_of(1), {.timeout = milliseconds(30), .tries = 2});
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->reply.has_value());
  EXPECT_LT(report->elapsed, milliseconds(1500));
}

TEST(UdpClient, SendDoesNotWait) {
  const LoopbackServer server("127.0.0.1", stay_silent);
  UdpClient client = client_of(server);
  ASSERT_TRUE(client.send(message_of(9)).has_value());
  ASSERT_TRUE(client.send(message_of(9)).has_value());
  const auto received = server.wait_for(2);
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].size(), 9 + kOverheadSize);
  EXPECT_NE(dh_of(received[0]), dh_of(received[1]));
}

TEST(UdpClient, ABadServerKeyIsRefused) {
  const Endpoint somewhere = test::closed_endpoint("127.0.0.1");
  PublicKey zero{};
  const auto client = UdpClient::create({somewhere}, zero, nullptr);
  ASSERT_FALSE(client.has_value());
  EXPECT_FALSE(client.error().what.empty());
}

TEST(UdpClient, ResolvesItsHost) {
  const LoopbackServer server("127.0.0.1", always_echo);
  auto client = UdpClient::create("127.0.0.1", server.port(), AddressFamily::kIpv4,
                                  server.public_key(), nullptr);
  ASSERT_TRUE(client.has_value());
  EXPECT_TRUE(client->call(message_of(3), kPatient)->reply.has_value());
  EXPECT_FALSE(UdpClient::create("127.0.0.1", server.port(), AddressFamily::kIpv6,
                                 server.public_key(), nullptr)
                   .has_value());
}

}  // namespace
}  // namespace pssst::client
