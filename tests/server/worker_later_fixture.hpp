/// A worker some of whose handlers answer later.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "server/handler/typed_handler.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/worker_fixture.hpp"

namespace pssst::server {

inline constexpr std::uint16_t kLaterPort = 7710;      ///< suite 0xF002
inline constexpr std::uint16_t kLaterPurePort = 7711;  ///< suite 1
inline constexpr std::uint16_t kLongPort =
    7712;  ///< suite 0xF002, replies as long as suite 1 takes

inline constexpr LaterLimits kLimits{.deadline = std::chrono::milliseconds(10'000),
                                     .in_flight = 16};

/// What must be there before a worker is.
struct LaterHandlers {
  Probe probe;
  Probe pure_probe;
  Probe long_probe;
  Probe next_probe;
  HandlerRuntime runtime{{0}, 64};
};

class WorkerLater : private LaterHandlers, public WorkerTest {
 protected:
  using LaterHandlers::long_probe;
  using LaterHandlers::next_probe;
  using LaterHandlers::probe;
  using LaterHandlers::pure_probe;
  using LaterHandlers::runtime;

  WorkerLater() : WorkerTest(settings_with(LaterHandlers::runtime)) {
    for (const std::uint16_t udp_port : {kLaterPort, kLaterPurePort, kLongPort}) {
      server_keys_.emplace(udp_port, PrivateKey::generate());
    }
    serve(probe, kLimits);
    note_tokens(probe);
    note_tokens(pure_probe);
    note_tokens(long_probe);
  }

  /// Every worker ends: what handlers' worker_init made, worker_fini takes back.
  void TearDown() override {
    if (!ended_) run(true);
    WorkerTest::TearDown();
  }

  void run(const std::atomic<bool>& stop) {
    worker_->run(stop);
    ended_ = true;
  }

  static WorkerSettings settings_with(HandlerRuntime& handlers) {
    WorkerSettings settings;
    settings.polls_before_wait = 2;
    settings.wait_max = std::chrono::microseconds(5000);
    settings.drain_max = std::chrono::milliseconds(1000);
    settings.handlers = &handlers;
    return settings;
  }

  void serve(const Probe& later, const LaterLimits& limits) {
    std::vector<Service> services = make_services();
    services.push_back(service(kLaterPort, kF002, attach_probe(later, runtime, "probe", limits)));
    services.push_back(
        service(kLaterPurePort, {}, attach_probe(pure_probe, runtime, "probe_later_pure", limits)));
    services.push_back(
        service(kLongPort, kF002, attach_probe(long_probe, runtime, "probe_long", limits)));
    auto snapshot = Snapshot::create(std::move(services), {Identity{enrolled_.public_key()}});
    ASSERT_TRUE(snapshot) << snapshot.error().to_string();
    publish(*std::move(snapshot));
  }

  Service service(std::uint16_t udp_port, const KeyUse& use,
                  std::shared_ptr<const Handler> handler) {
    Service made =
        make_service(udp_port, "echo", server_keys_.at(udp_port), ClientPolicy::kOptional, {}, use);
    made.handler = std::move(handler);
    if (udp_port != kLaterPurePort) made.reply_limit = kReplyLimitMax;
    return made;
  }

  /// All its messages are to be answered later.
  void note_tokens(Probe& of) {
    of.handle = [this](std::span<library::Message> messages) {
      for (library::Message& message : messages) tokens_.push_back(message.later());
    };
  }

  Call later_call(const Bytes& message, const PrivateKey* key = nullptr) {
    Call made = seal_to(server_keys_.at(kLaterPort), kF002, kLaterPort, message, key);
    put(made);
    return made;
  }

  [[nodiscard]] const telemetry::LaterCounters& later() const { return worker_->counters().later; }

  std::vector<std::uint64_t> tokens_;

 private:
  bool ended_ = false;
};

}  // namespace pssst::server
