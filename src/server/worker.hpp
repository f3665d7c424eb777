/// A worker: one thread, one port, and the way of a burst from the one to the other and back.
#pragma once

#include <emmintrin.h>

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
#include "net/datagram.hpp"
#include "net/port.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/server.hpp"
#include "server/admission.hpp"
#include "server/client_preparation.hpp"
#include "server/dispatcher.hpp"
#include "server/published.hpp"
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
inline constexpr std::size_t kReceivePassesMax = 8;
/// A source prefix counts as known this long after its last valid request.
inline constexpr std::uint64_t kKnownSourceSeconds = 60;

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
  [[nodiscard]] std::size_t burst_limit() const noexcept { return burst_limit_; }
  [[nodiscard]] std::string_view x25519_kernel() const noexcept {
    return processor_->x25519_kernel();
  }

 private:
  Worker(P& port, Published<Snapshot>& snapshots, WorkerSettings settings,
         std::unique_ptr<RequestProcessor> processor);

  const Snapshot& begin_loop() noexcept;
  void end_loop(bool busy) noexcept;

  bool receive(const Snapshot& snapshot) noexcept;
  void admit(const net::Datagram& datagram, const Snapshot& snapshot) noexcept;
  bool answer_burst(const Snapshot& snapshot) noexcept;
  bool take(const Snapshot& snapshot) noexcept;
  void count_proofs() noexcept;
  void remember_sources() noexcept;
  void count_suites() noexcept;
  bool prepare_clients() noexcept;
  void transmit() noexcept;
  void finish() noexcept;

  void drop(const net::Datagram& datagram, DropReason reason) noexcept;
  void settle(base::Counter& outcome) noexcept;

  telemetry::WorkerCounters counters_;
  P& port_;
  Published<Snapshot>& snapshots_;
  const WorkerSettings settings_;
  const std::unique_ptr<RequestProcessor> processor_;
  const std::size_t burst_limit_;
  const RequestBurstPointer burst_;
  Admission admission_;
  Dispatcher dispatcher_;
  ClientPreparation preparation_;

  std::array<net::Datagram, kReceiveBatch> received_{};
  std::array<net::Datagram, kBurstLanesMax> datagrams_{};  ///< per lane
  std::array<const Service*, kBurstLanesMax> services_{};  ///< per lane
  std::array<net::Reply, kBurstLanesMax> replies_{};
  std::array<std::size_t, kBurstLanesMax> lane_of_reply_{};

  std::uint64_t pending_ = 0;
  std::uint64_t first_loop_tsc_ = 0;
  std::uint64_t loop_tsc_ = 0;  ///< when the current loop began
};

template <net::Port P>
base::Result<std::unique_ptr<Worker<P>>> Worker<P>::create(P& port, Published<Snapshot>& snapshots,
                                                           WorkerSettings settings) {
  std::string error;
  const Snapshot& snapshot = snapshots.read(settings.index);
  const std::size_t memory =
      proof_table_memory(settings.proof_table_memory, snapshot.clients().size());
  auto processor = RequestProcessor::create(settings.x25519_kernel, &error, memory,
                                            static_secrets_wanted(snapshot));
  if (processor == nullptr) return base::fail(std::move(error));
  return std::unique_ptr<Worker>(
      new Worker(port, snapshots, std::move(settings), std::move(processor)));
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
      admission_(admission_queue_capacity(port.capacity(), burst_limit_),
                 kKnownSourceSeconds * base::tsc_hz()) {}

template <net::Port P>
void Worker<P>::run(const std::atomic<bool>& stop) noexcept {
  std::uint32_t empty_polls = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    if (poll_once() || prepare_clients()) {
      empty_polls = 0;
    } else if (settings_.polls_before_wait == 0 || ++empty_polls < settings_.polls_before_wait) {
      _mm_pause();
    } else {
      port_.wait(settings_.wait_max);
    }
  }
  finish();
}

template <net::Port P>
bool Worker<P>::poll_once() noexcept {
  const Snapshot& snapshot = begin_loop();
  const bool received = receive(snapshot);
  const bool answered = answer_burst(snapshot);
  end_loop(received || answered);
  return received || answered;
}

template <net::Port P>
bool Worker<P>::prepare_clients() noexcept {
  return preparation_.step(*processor_);
}

template <net::Port P>
bool Worker<P>::answer_burst(const Snapshot& snapshot) noexcept {
  if (!take(snapshot)) return false;
  processor_->multiply(*burst_);
  processor_->open(*burst_);
  processor_->identify(*burst_, snapshot.clients());
  processor_->prove(*burst_);
  count_proofs();
  remember_sources();
  count_suites();
  dispatcher_.dispatch(*burst_, services_, counters_.services());
  processor_->seal(*burst_);
  transmit();
  processor_->wipe_secrets(*burst_);
  return true;
}

template <net::Port P>
const Snapshot& Worker<P>::begin_loop() noexcept {
  loop_tsc_ = base::read_tsc();
  if (first_loop_tsc_ == 0) first_loop_tsc_ = loop_tsc_;
  const Snapshot& snapshot = snapshots_.read(settings_.index);
  // No X25519(s, C) outlives its s.
  if (preparation_.start(snapshot)) processor_->forget_static_secrets();
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
bool Worker<P>::receive(const Snapshot& snapshot) noexcept {
  bool any = false;
  for (std::size_t pass = 0; pass < kReceivePassesMax; ++pass) {
    const std::size_t n = port_.receive(received_);
    pending_ += n;
    counters_.pending.set(pending_);
    for (std::size_t i = 0; i < n; ++i) admit(received_[i], snapshot);
    any = any || n > 0;
    if (n < received_.size()) break;
  }
  return any;
}

template <net::Port P>
void Worker<P>::admit(const net::Datagram& datagram, const Snapshot& snapshot) noexcept {
  const Service* service = snapshot.find_service(datagram.udp_port);
  if (service == nullptr) return drop(datagram, DropReason::kUdpPort);
  if (datagram.size > kDatagramSizeMax) return drop(datagram, DropReason::kFrameOversized);
  const Admitted admitted =
      pssst::admit({datagram.data, datagram.size}, service->policy, service->keys);
  if (admitted.key == nullptr) return drop(datagram, admitted.drop);
  switch (admission_.add(datagram, loop_tsc_)) {
    case Admission::Admitted::kNo:
      return drop(datagram, DropReason::kQueueFull);
    case Admission::Admitted::kKnown:
      return counters_.admitted_known.add(1);
    case Admission::Admitted::kUnknown:
      return counters_.admitted_unknown.add(1);
  }
}

template <net::Port P>
bool Worker<P>::take(const Snapshot& snapshot) noexcept {
  const std::size_t taken = admission_.take(std::span(datagrams_).first(burst_limit_));
  burst_->size = 0;
  for (std::size_t i = 0; i < taken; ++i) {
    const net::Datagram& datagram = datagrams_[i];
    // Once more: the snapshot may have changed while the datagram was queued.
    const Service* service = snapshot.find_service(datagram.udp_port);
    const Admitted admitted = service == nullptr ? Admitted{DropReason::kUdpPort}
                                                 : pssst::admit({datagram.data, datagram.size},
                                                                service->policy, service->keys);
    if (admitted.key == nullptr) {
      drop(datagram, admitted.drop);
      continue;
    }
    datagrams_[burst_->size] = datagram;
    services_[burst_->size] = service;
    burst_->add({datagram.data, datagram.size}, *admitted.key);
  }
  if (burst_->size > 0) {
    counters_.bursts.add(1);
    counters_.lanes.add(burst_->size);
  }
  return taken > 0;
}

template <net::Port P>
void Worker<P>::count_proofs() noexcept {
  const ProofCounts& counts = processor_->proof_counts();
  counters_.proofs_by_table.set(counts.by_table);
  counters_.proofs_by_ladder.set(counts.by_ladder);
  counters_.proof_tables_built.set(counts.tables_built);
}

template <net::Port P>
void Worker<P>::remember_sources() noexcept {
  for (std::size_t i = 0; i < burst_->size; ++i) {
    if (burst_->drop[i] == DropReason::kNone) admission_.remember(datagrams_[i], loop_tsc_);
  }
}

template <net::Port P>
void Worker<P>::count_suites() noexcept {
  for (std::size_t i = 0; i < burst_->size; ++i) {
    if (burst_->drop[i] != DropReason::kNone) continue;
    telemetry::SuiteCounters& suite = counters_.suites[telemetry::suite_place(burst_->suite[i])];
    suite.requests.add(1);
    suite.authenticated.add(burst_->authenticated[i]);
  }
  const StaticSecretCounts& counts = processor_->static_secret_counts();
  counters_.static_secrets_found.set(counts.found);
  counters_.static_secrets_multiplied.set(counts.multiplied);
}

template <net::Port P>
void Worker<P>::transmit() noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < burst_->size; ++i) {
    if (burst_->drop[i] != DropReason::kNone) {
      drop(datagrams_[i], burst_->drop[i]);
    } else if (burst_->has_reply[i] == 0) {
      port_.release(datagrams_[i]);
      settle(counters_.answered_without_reply);
    } else {
      const std::span<const std::uint8_t> datagram = burst_->reply_datagram(i);
      // Member by member: a whole one, put together on the stack, would stall its own copy.
      net::Reply& reply = replies_[n];
      reply.to = datagrams_[i];
      reply.data = datagram.data();
      reply.size = static_cast<std::uint16_t>(datagram.size());
      reply.sent = false;
      lane_of_reply_[n++] = i;
    }
  }
  if (n == 0) return;
  port_.transmit(std::span(replies_).first(n));
  for (std::size_t k = 0; k < n; ++k) {
    if (replies_[k].sent) {
      settle(counters_.replied);
      const std::size_t lane = lane_of_reply_[k];
      counters_.services()[services_[lane]->index].replied.add(1);
      counters_.suites[telemetry::suite_place(burst_->suite[lane])].replied.add(1);
    } else {
      counters_.drops.add(DropReason::kTransmit);
      counters_.pending.set(--pending_);
    }
  }
}

template <net::Port P>
void Worker<P>::finish() noexcept {
  const Snapshot& snapshot = begin_loop();
  const std::uint64_t ticks =
      static_cast<std::uint64_t>(settings_.drain_max.count()) * base::tsc_hz() / 1000;
  bool busy = false;
  while (base::read_tsc() - loop_tsc_ < ticks && answer_burst(snapshot)) busy = true;
  std::size_t n = 0;
  while ((n = admission_.take(datagrams_)) > 0) {
    for (std::size_t i = 0; i < n; ++i) drop(datagrams_[i], DropReason::kShutdown);
  }
  end_loop(busy);
  snapshots_.leave(settings_.index);
}

template <net::Port P>
void Worker<P>::drop(const net::Datagram& datagram, DropReason reason) noexcept {
  port_.release(datagram);
  counters_.drops.add(reason);
  counters_.pending.set(--pending_);
}

template <net::Port P>
void Worker<P>::settle(base::Counter& outcome) noexcept {
  outcome.add(1);
  counters_.pending.set(--pending_);
}

}  // namespace pssst::server
