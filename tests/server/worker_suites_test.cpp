// A worker whose services are of several suites.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

using WorkerSuitesTest = WorkerTest;

/// The message in the call's reply, if it is good.
std::optional<std::string> text_in_reply(const MemoryPort& port, auto& call) {
  const MemoryPort::Sent* sent = port.reply_to(call.request);
  if (sent == nullptr) return std::nullopt;
  Bytes message(sent->size);
  const Client::Opened opened = call.client->open(sent->datagram(), call.pending, message);
  if (opened.fault != ReplyFault::kNone) return std::nullopt;
  return std::string(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(opened.size));
}

TEST_F(WorkerSuitesTest, RepliesThatVaryOnSuiteF002) {
  Call first = call(kTimePort, {}, &enrolled_);
  poll_all();
  // The same datagram once more: replayed, or sent again.
  Call again;
  again.udp_port = kTimePort;
  again.datagram = first.datagram;
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  put(again);
  poll_all();
  const MemoryPort::Sent* one = port_.reply_to(first.request);
  const MemoryPort::Sent* other = port_.reply_to(again.request);
  ASSERT_TRUE(one != nullptr && other != nullptr);
  const auto part = [](const MemoryPort::Sent& sent, std::size_t at, std::size_t size) {
    const auto bytes = sent.datagram().subspan(at, size);
    return Bytes(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(part(*one, 0, 20), part(*other, 0, 20));    // header and rid
  EXPECT_NE(part(*one, 20, 16), part(*other, 20, 16));  // snonce
  const auto text = text_in_reply(port_, first);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->size(), 27U);
  EXPECT_EQ(text->back(), 'Z');
}

TEST_F(WorkerSuitesTest, OneServiceServesTwoSuitesSideBySide) {
  std::vector<Call> calls;
  for (std::uint8_t i = 0; i < 24; ++i) {
    const PrivateKey* client = i % 4 < 2 ? &enrolled_ : nullptr;
    const bool f002 = i % 2 == 0;
    calls.push_back(seal_to(f002 ? f002_key_ : server_keys_.at(kBothPort), f002 ? kF002 : KeyUse{},
                            kBothPort, Bytes(i, i), client));
    put(calls.back());
  }
  Call other_label = seal_to(server_keys_.at(kEchoPort), kF002, kBothPort, {1}, nullptr);
  put(other_label);
  poll_all();
  for (Call& one : calls) EXPECT_TRUE(replied(one, one.message)) << one.message.size();
  EXPECT_EQ(drops(DropReason::kKeyId), 1U);
  for (const std::size_t suite : {0U, 1U}) {
    EXPECT_EQ(worker_->counters().suites[suite].requests.read(), 12U);
    EXPECT_EQ(worker_->counters().suites[suite].authenticated.read(), 6U);
    EXPECT_EQ(worker_->counters().suites[suite].replied.read(), 12U);
  }
}

TEST_F(WorkerSuitesTest, AClientsSecretIsComputedOnceForEachKeyUntilKeysAreReplaced) {
  const auto multiplied = [&] { return worker_->counters().static_secrets_multiplied.read(); };
  for (int i = 0; i < 5; ++i) {
    call(kTimePort, {}, &enrolled_);
    poll_all();
  }
  EXPECT_EQ(multiplied(), 1U);
  EXPECT_EQ(worker_->counters().static_secrets_found.read(), 4U);
  call(kTimePort, {}, &stranger_);
  poll_all();
  EXPECT_EQ(multiplied(), 1U);
  EXPECT_EQ(drops(DropReason::kClientUnknown), 1U);
  std::atomic<bool> published{false};
  std::thread publisher([&] {
    snapshots_->publish(make_snapshot());
    published = true;
  });
  while (!published) static_cast<void>(worker_->poll_once());
  publisher.join();
  call(kTimePort, {}, &enrolled_);
  poll_all();
  EXPECT_EQ(multiplied(), 2U);
}

}  // namespace
}  // namespace pssst::server
