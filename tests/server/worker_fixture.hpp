/// A worker over memory, its services and their callers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pssst/client.hpp"
#include "server/memory_port.hpp"
#include "server/report.hpp"
#include "server/test_services.hpp"
#include "server/worker.hpp"

namespace pssst::server {

inline constexpr std::uint16_t kEchoPort = 7700;
inline constexpr std::uint16_t kDiscardPort = 7701;
inline constexpr std::uint16_t kAckPort = 7702;        ///< only clients
inline constexpr std::uint16_t kAnonymousPort = 7703;  ///< echo, only anonymous
inline constexpr std::uint16_t kTooLongPort = 7704;    ///< a handler that breaks its word
inline constexpr std::uint16_t kTalkingPort = 7705;    ///< one that said it never replies
inline constexpr std::uint16_t kTimePort = 7706;       ///< suite 0xF002, with a label
inline constexpr std::uint16_t kBothPort = 7707;       ///< echo, on suite 1 and suite 0xF002
inline constexpr std::uint16_t kNoServicePort = 7799;

inline constexpr std::string_view kLabel = "clock.example";
inline constexpr KeyUse kF002{.suite = kSuiteF002, .label = kLabel};

class WorkerTest : public testing::Test {
 protected:
  explicit WorkerTest(WorkerSettings settings = {}, std::size_t port_capacity = 1024)
      : port_(port_capacity) {
    for (std::uint16_t udp_port = kEchoPort; udp_port <= kBothPort; ++udp_port) {
      server_keys_.emplace(udp_port, PrivateKey::generate());
    }
    snapshots_ = std::make_unique<Published<Snapshot>>(make_snapshot(), 1);
    auto worker = Worker<MemoryPort>::create(port_, *snapshots_, settings);
    EXPECT_TRUE(worker) << worker.error().to_string();
    worker_ = std::move(*worker);
  }

  std::unique_ptr<const Snapshot> make_snapshot() const {
    auto snapshot = Snapshot::create(make_services(), {Identity{enrolled_.public_key()}});
    EXPECT_TRUE(snapshot) << snapshot.error().to_string();
    return std::move(*snapshot);
  }

  std::vector<Service> make_services() const {
    const HandlerTraits pure{.name = "test", .reply_is_pure = true, .reply_size_max = 10};
    HandlerTraits silent = pure;
    silent.replies = false;
    Service both = make_service(kBothPort, "echo", server_keys_.at(kBothPort));
    both.keys.emplace_back(f002_key_, kF002);
    Service time = make_service(kTimePort, "time", server_keys_.at(kTimePort),
                                ClientPolicy::kOptional, {}, kF002);
    time.reply_limit = kReplyLimitMax;
    return services_of(make_service(kEchoPort, "echo", server_keys_.at(kEchoPort)),
                       make_service(kDiscardPort, "discard", server_keys_.at(kDiscardPort)),
                       make_service(kAckPort, "ack", server_keys_.at(kAckPort),
                                    ClientPolicy::kRequired, {'o', 'k'}),
                       make_service(kAnonymousPort, "echo", server_keys_.at(kAnonymousPort),
                                    ClientPolicy::kAnonymous),
                       make_service(kTooLongPort, std::make_unique<const TestHandler>(pure, 11),
                                    server_keys_.at(kTooLongPort)),
                       make_service(kTalkingPort, std::make_unique<const TestHandler>(silent, 0),
                                    server_keys_.at(kTalkingPort)),
                       std::move(time), std::move(both));
  }

  /// This thread is the worker's: it reads for it until the publisher has seen that.
  void publish(std::unique_ptr<const Snapshot> next) {
    std::atomic<bool> done = false;
    std::thread publisher([&] {
      snapshots_->publish(std::move(next));
      done = true;
    });
    while (!done) {
      static_cast<void>(snapshots_->read(0));
      std::this_thread::yield();
    }
    publisher.join();
  }

  /// A sealed request.
  struct Call {
    std::shared_ptr<Client> client;
    std::uint16_t udp_port = 0;
    Bytes message;
    Bytes datagram;
    PendingRequest pending;
    std::size_t request = 0;  ///< its number at the port
  };

  /// `key` null: anonymous.
  Call seal(std::uint16_t udp_port, const Bytes& message, const PrivateKey* key = nullptr) {
    return seal_to(server_keys_.at(udp_port), udp_port == kTimePort ? kF002 : KeyUse{}, udp_port,
                   message, key);
  }

  Call seal_to(const PrivateKey& server, const KeyUse& use, std::uint16_t udp_port,
               const Bytes& message, const PrivateKey* key) {
    std::shared_ptr<Client>& client = clients_[{&server, key}];
    if (client == nullptr) {
      std::string error;
      client = Client::create(server.public_key(), key, &error, use);
      EXPECT_NE(client, nullptr) << error;
    }
    Call call;
    call.client = client;
    call.udp_port = udp_port;
    call.message = message;
    call.datagram.resize(message.size() + client->overhead_size());
    EXPECT_EQ(client->seal(message, call.datagram, call.pending), call.datagram.size());
    return call;
  }

  Call& put(Call& call, const MemoryPort::Source& from = MemoryPort::source(192, 0, 2)) {
    call.request = port_.put(call.datagram, call.udp_port, from);
    return call;
  }

  /// Seals and puts.
  Call call(std::uint16_t udp_port, const Bytes& message, const PrivateKey* key = nullptr,
            const MemoryPort::Source& from = MemoryPort::source(192, 0, 2)) {
    Call made = seal(udp_port, message, key);
    put(made, from);
    return made;
  }

  /// A request of valid form that no key opens.
  static Bytes junk() {
    Bytes datagram(100, 0x5a);
    std::copy_n(std::array<std::uint8_t, 4>{0, 0, 0, 1}.begin(), 4, datagram.begin());
    return datagram;
  }

  void put_junk(std::size_t n, const MemoryPort::Source& from) {
    for (std::size_t i = 0; i < n; ++i) port_.put(junk(), kEchoPort, from);
  }

  /// Polls until there is nothing left to do.
  void poll_all() {
    while (worker_->poll_once()) {
    }
  }

  /// The call's reply came, opens, and is this message.
  testing::AssertionResult replied(Call& call, const Bytes& expected) {
    const MemoryPort::Sent* sent = port_.reply_to(call.request);
    if (sent == nullptr) return testing::AssertionFailure() << "no reply";
    Bytes message(sent->size);
    const Client::Opened opened = call.client->open(sent->datagram(), call.pending, message);
    if (opened.fault != ReplyFault::kNone) {
      return testing::AssertionFailure() << to_string(opened.fault);
    }
    message.resize(opened.size);
    if (message != expected) return testing::AssertionFailure() << "another message";
    return testing::AssertionSuccess();
  }

  [[nodiscard]] Books books() const {
    return read_books({0, &port_.counters(), &worker_->counters()});
  }
  [[nodiscard]] std::uint64_t drops(DropReason reason) const {
    return worker_->counters().drops.read(reason);
  }

  /// At the end of every test: nothing is lost, whatever happened.
  void TearDown() override {
    const Books end = books();
    EXPECT_TRUE(end.balanced());
    EXPECT_EQ(end.pending, port_.held());
    EXPECT_LE(port_.held_max(), port_.capacity());
    EXPECT_EQ(end.replied, port_.sent().size());
  }

  const PrivateKey enrolled_ = PrivateKey::generate();
  const PrivateKey stranger_ = PrivateKey::generate();
  std::map<std::uint16_t, PrivateKey> server_keys_;
  const PrivateKey f002_key_ = PrivateKey::generate();  ///< the other key at kBothPort
  std::map<std::pair<const PrivateKey*, const PrivateKey*>, std::shared_ptr<Client>> clients_;
  MemoryPort port_;
  std::unique_ptr<Published<Snapshot>> snapshots_;
  std::unique_ptr<Worker<MemoryPort>> worker_;
};

}  // namespace pssst::server
