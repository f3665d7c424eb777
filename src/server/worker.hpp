/// A worker: one thread, one port, and the way of a burst from the one to the other and back.
#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/tsc.hpp"
#include "identity/client_directory.hpp"
#include "net/datagram.hpp"
#include "net/port.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/server.hpp"
#include "server/admission.hpp"
#include "server/client_preparation.hpp"
#include "server/counter_slots.hpp"
#include "server/directory_clients.hpp"
#include "server/dispatcher.hpp"
#include "server/handler/handler_leases.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/handler/later_replies.hpp"
#include "server/published.hpp"
#include "server/self_request.hpp"
#include "server/snapshot.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {

struct WorkerSettings {
  std::size_t index = 0;      ///< which reader of the published snapshots it is
  std::string x25519_kernel;  ///< empty: the best that this CPU has
  /// Bytes at most for precomputed tables of clients; 0: none.
  std::size_t proof_table_memory = 0;
  /// Empty polls in a row after which it waits in its port; 0: never, it spins.
  std::uint32_t polls_before_wait = 0;
  std::chrono::microseconds wait_max{0};  ///< of each such wait
  /// How long requests that are queued when it is stopped are still answered.
  std::chrono::milliseconds drain_max{1000};
  ProtectionMemory protection_memory{};
  std::shared_ptr<const SelfRequest> self_request;  ///< null: it makes one
  /// Whom it serves besides anonymous clients; null: the clients of its snapshots.
  const identity::ClientDirectory* directory = nullptr;
  std::size_t clients_expected = 0;  ///< of the directory
  /// Of handlers that are not built in, which need it; null: there are none. The port has room for
  /// its later_replies_max() datagrams beside others.
  HandlerRuntime* handlers = nullptr;
};

/// Fails unless this thread rounds to nearest (MXCSR). X25519 kernels see to that themselves; what
/// starts a server in another mode is not to go unnoticed all the same.
base::Result<void> check_rounding_mode();

/// Datagrams per admission queue, such that a worker never holds more than its port lets it.
[[nodiscard]] std::size_t admission_queue_capacity(std::size_t port_capacity,
                                                   std::size_t burst_limit);

/// Of `limit` bytes for tables of clients what this many clients can use, and something for more of
/// them to come. It is touched when the worker is made, so it should not be more.
[[nodiscard]] std::size_t proof_table_memory(std::size_t limit, std::size_t clients) noexcept;

/// Datagrams asked of the port at once, and how often in one loop: what arrives while a burst is
/// computed is sorted by admission, not by the overflow of the port's own queues.
inline constexpr std::size_t kReceiveBatch = 64;
inline constexpr std::size_t kReceivePassesMax = 32;
/// How often a worker puts its own request among the others.
inline constexpr std::uint64_t kSelfRequestSeconds = 1;
/// An idle worker that awaits later replies waits no longer than that in its port.
inline constexpr std::chrono::microseconds kLaterWaitMax{100};

/// Owns all that it touches, and makes all of it before the first packet: create it on the thread
/// that runs it, so that the memory is near. Nothing but its counters and the snapshots it reads is
/// shared with other threads.
template <net::Port P>
class Worker {
 public:
  /// `port` and `snapshots` must outlive it. The port's capacity is at least 2 * kReceiveBatch.
  static base::Result<std::unique_ptr<Worker>> create(P& port, Published<Snapshot>& snapshots,
                                                      WorkerSettings settings);

  /// Polls until `stop`; then answers what is queued, counts the rest as kShutdown, and leaves the
  /// snapshots. Once.
  void run(const std::atomic<bool>& stop) noexcept;

  /// Receives what has arrived and answers one burst. False if there was neither.
  bool poll_once() noexcept;

  [[nodiscard]] const telemetry::WorkerCounters& counters() const noexcept { return counters_; }
  /// For another thread, when no snapshot that the worker may read gives these places to anything.
  void clear_counters(const CounterSlots::Freed& freed) noexcept {
    for (const std::size_t place : freed.services) counters_.services()[place].clear();
    for (const std::size_t place : freed.keys) counters_.keys()[place].clear();
  }
  [[nodiscard]] std::size_t burst_limit() const noexcept { return burst_limit_; }
  [[nodiscard]] std::string_view x25519_kernel() const noexcept {
    return processor_->x25519_kernel();
  }

 private:
  using Stage = telemetry::Stage;

  Worker(P& port, Published<Snapshot>& snapshots, WorkerSettings settings,
         std::unique_ptr<RequestProcessor> processor);

  [[nodiscard]] static std::size_t later_replies_max(const WorkerSettings& settings) noexcept {
    return settings.handlers == nullptr ? 0 : settings.handlers->later_replies_max();
  }
  const Snapshot& begin_loop() noexcept;
  void end_loop(bool busy) noexcept;

  bool receive(const Snapshot& snapshot) noexcept;
  void admit(const net::Datagram& datagram, const SourcePrefixes& source,
             const Snapshot& snapshot) noexcept;
  bool answer_burst(const Snapshot& snapshot) noexcept;
  bool take(const Snapshot& snapshot) noexcept;
  void take_lane(const Snapshot& snapshot, const QueuedDatagram& queued) noexcept;
  [[nodiscard]] bool self_request_due() const noexcept;
  bool take_self_request() noexcept;
  void identify(const Snapshot& snapshot) noexcept;
  void count_proofs() noexcept;
  void remember_sources() noexcept;
  void count_opened() noexcept;
  bool prepare_clients() noexcept;
  bool try_again(std::size_t lane) noexcept;
  void transmit(const Protection& protection) noexcept;
  void send_replies(std::size_t n) noexcept;
  void check_self_request() noexcept;

  // worker_later.hpp
  void keep_later(Dispatcher::LaneMask lanes) noexcept;
  bool answer_later() noexcept;
  bool take_answers() noexcept;
  void take_answer(const Answer& answer) noexcept;
  void count_stray(TokenFate fate) noexcept;
  void send_later(std::size_t lanes) noexcept;
  void drop_later(std::size_t place, DropReason reason) noexcept;
  void settle_later(std::size_t place, base::Counter& outcome) noexcept;
  void await_later(std::uint64_t ticks) noexcept;
  [[nodiscard]] std::chrono::microseconds wait_limit() const noexcept {
    return later_.awaited() == 0 ? settings_.wait_max : std::min(settings_.wait_max, kLaterWaitMax);
  }

  void end_stage(Stage stage) noexcept;
  void count_time(Stage stage, std::uint64_t ticks) noexcept {
    counters_.stages.at(static_cast<std::size_t>(stage)).add(bounds_, ticks);
  }
  void finish() noexcept;

  void drop(const net::Datagram& datagram, DropReason reason, const Service* service) noexcept;
  void settle(base::Counter& outcome) noexcept;

  telemetry::WorkerCounters counters_;
  const telemetry::DurationBounds bounds_ = telemetry::duration_bounds(base::tsc_hz());
  P& port_;
  Published<Snapshot>& snapshots_;
  const WorkerSettings settings_;
  const std::unique_ptr<RequestProcessor> processor_;
  const std::size_t burst_limit_;
  const RequestBurstPointer burst_;
  Admission admission_;
  HandlerLeases leases_;
  LaterReplies later_;
  Dispatcher dispatcher_;
  ClientPreparation preparation_;

  std::array<net::Datagram, kReceiveBatch> received_{};
  std::array<SourcePrefixes, kReceiveBatch> received_from_{};
  std::array<QueuedDatagram, kBurstLanesMax> queued_{};    ///< per lane
  std::array<const Service*, kBurstLanesMax> services_{};  ///< per lane
  std::array<HashedKey, kBurstLanesMax> dh_keys_{};        ///< per lane
  /// Lanes of datagrams; one more may hold the worker's own request.
  std::size_t lanes_ = 0;
  std::array<net::Reply, kBurstLanesMax> replies_{};
  std::array<std::size_t, kBurstLanesMax> lane_of_reply_{};
  Dispatcher::LaneMask later_lanes_ = 0;                   ///< of the burst: to be answered later
  std::array<std::size_t, kBurstLanesMax> later_place_{};  ///< per lane that answer_later() seals

  std::uint64_t pending_ = 0;
  std::uint64_t first_loop_tsc_ = 0;
  std::uint64_t loop_tsc_ = 0;   ///< when the current loop began
  std::uint64_t stage_tsc_ = 0;  ///< when the last stage ended
  std::uint64_t self_request_tsc_ = 0;
};

template <net::Port P>
base::Result<std::unique_ptr<Worker<P>>> Worker<P>::create(P& port, Published<Snapshot>& snapshots,
                                                           WorkerSettings settings) {
  std::string error;
  if (settings.self_request == nullptr) {
    auto made = SelfRequest::create();
    if (!made) return tl::unexpected(made.error());
    settings.self_request = std::move(*made);
  }
  const Snapshot& snapshot = snapshots.read(settings.index);
  const std::size_t clients =
      settings.directory == nullptr ? snapshot.clients().size() : settings.clients_expected;
  auto processor = RequestProcessor::create(
      settings.x25519_kernel, &error, proof_table_memory(settings.proof_table_memory, clients),
      static_secrets_wanted(snapshot, clients));
  if (processor == nullptr) return base::fail(std::move(error));
  std::unique_ptr<Worker> worker(
      new Worker(port, snapshots, std::move(settings), std::move(processor)));
  if (!worker->leases_.update(snapshot)) {
    worker->leases_.finish_all();
    return base::fail("a handler's worker_init failed", "handler library",
                      "its documentation should say why");
  }
  return worker;
}

template <net::Port P>
Worker<P>::Worker(P& port, Published<Snapshot>& snapshots, WorkerSettings settings,
                  std::unique_ptr<RequestProcessor> processor)
    : port_(port),
      snapshots_(snapshots),
      settings_(std::move(settings)),
      processor_(std::move(processor)),
      burst_limit_(processor_->burst_limit()),
      burst_(make_request_burst()),
      admission_(
          admission_queue_capacity(port.capacity() - later_replies_max(settings_), burst_limit_),
          burst_limit_, settings_.protection_memory, base::tsc_hz()),
      leases_(settings_.index),
      later_(settings_.index, later_replies_max(settings_)),
      dispatcher_(settings_.index, later_) {}

template <net::Port P>
void Worker<P>::run(const std::atomic<bool>& stop) noexcept {
  std::uint32_t empty_polls = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    if (poll_once() || prepare_clients()) {
      empty_polls = 0;
    } else if (settings_.polls_before_wait == 0 || ++empty_polls < settings_.polls_before_wait) {
      _mm_pause();
    } else {
      port_.wait(wait_limit());
    }
  }
  finish();
}

template <net::Port P>
bool Worker<P>::poll_once() noexcept {
  const Snapshot& snapshot = begin_loop();
  const bool received = receive(snapshot);
  const bool answered = answer_burst(snapshot);
  const bool later = answer_later();
  end_loop(received || answered || later);
  return received || answered || later;
}

template <net::Port P>
bool Worker<P>::prepare_clients() noexcept {
  return preparation_.step(*processor_);
}

template <net::Port P>
bool Worker<P>::answer_burst(const Snapshot& snapshot) noexcept {
  const bool taken = take(snapshot);
  const bool own = take_self_request();
  if (!taken && !own) return false;
  stage_tsc_ = base::read_tsc();
  processor_->multiply(*burst_);
  end_stage(Stage::kMultiply);
  processor_->open(*burst_);
  end_stage(Stage::kOpen);
  identify(snapshot);
  processor_->prove(*burst_);
  end_stage(Stage::kProve);
  count_proofs();
  remember_sources();
  count_opened();
  later_lanes_ = dispatcher_.dispatch(*burst_, services_, counters_.services());
  if (later_lanes_ != 0) keep_later(later_lanes_);
  end_stage(Stage::kDispatch);
  processor_->seal(*burst_);
  end_stage(Stage::kSeal);
  transmit(snapshot.protection());
  end_stage(Stage::kTransmit);
  if (own) check_self_request();
  processor_->wipe_secrets(*burst_);
  return true;
}

template <net::Port P>
void Worker<P>::identify(const Snapshot& snapshot) noexcept {
  if (settings_.directory == nullptr) {
    processor_->identify(*burst_, snapshot.clients());
  } else {
    processor_->identify(*burst_, DirectoryClients(*settings_.directory, snapshot));
  }
}

template <net::Port P>
const Snapshot& Worker<P>::begin_loop() noexcept {
  loop_tsc_ = base::read_tsc();
  if (first_loop_tsc_ == 0) first_loop_tsc_ = loop_tsc_;
  const Snapshot& snapshot = snapshots_.read(settings_.index);
  admission_.begin(snapshot.protection(), loop_tsc_);
  // No X25519(s, C) outlives its s.
  if (preparation_.start(snapshot, settings_.directory)) {
    processor_->forget_static_secrets();
    later_.update(snapshot);
  }
  static_cast<void>(leases_.update(snapshot));
  leases_.finish_unused(later_.awaited_by_handler());
  return snapshot;
}

template <net::Port P>
void Worker<P>::end_loop(bool busy) noexcept {
  const std::uint64_t now = base::read_tsc();
  counters_.loops.add(1);
  counters_.tsc_total.set(now - first_loop_tsc_);
  if (busy) {
    counters_.loops_busy.add(1);
    counters_.tsc_busy.add(now - loop_tsc_);
  }
}

template <net::Port P>
void Worker<P>::finish() noexcept {
  const Snapshot& snapshot = begin_loop();
  const std::uint64_t ticks =
      static_cast<std::uint64_t>(settings_.drain_max.count()) * base::tsc_hz() / 1000;
  bool busy = false;
  while (base::read_tsc() - loop_tsc_ < ticks && answer_burst(snapshot)) {
    busy = true;
    answer_later();
  }
  std::size_t n = 0;
  while ((n = admission_.take(queued_, snapshot.protection().unknown_share)) > 0) {
    for (std::size_t i = 0; i < n; ++i) {
      const net::Datagram& datagram = queued_[i].datagram;
      drop(datagram, DropReason::kShutdown,
           snapshot.find_service(datagram.udp_port, datagram.destination));
    }
  }
  await_later(ticks);
  end_loop(busy);
  leases_.finish_all();
  snapshots_.leave(settings_.index);
}

/// `service` null: it was for none.
template <net::Port P>
void Worker<P>::drop(const net::Datagram& datagram, DropReason reason,
                     const Service* service) noexcept {
  port_.release(datagram, reason);
  counters_.drops.add(reason);
  if (service != nullptr) counters_.services()[service->slot].drops.add(reason);
  counters_.pending.set(--pending_);
}

template <net::Port P>
void Worker<P>::settle(base::Counter& outcome) noexcept {
  outcome.add(1);
  counters_.pending.set(--pending_);
}

}  // namespace pssst::server

#include "server/worker_later.hpp"   // IWYU pragma: keep
#include "server/worker_stages.hpp"  // IWYU pragma: keep
