/// The workers of one kind of port, each on a thread that somebody else provides.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "server/report.hpp"
#include "server/start_gate.hpp"
#include "server/worker.hpp"

namespace pssst::server {

template <net::Port P>
class PortWorkers {
 public:
  /// `settings` holds for all workers but for its index, which is each one's place in `cpus`, and
  /// for its memory for proof tables, which they share.
  PortWorkers(const std::vector<unsigned>& cpus, Published<Snapshot>& snapshots,
              WorkerSettings settings)
      : snapshots_(snapshots), settings_(std::move(settings)), slots_(cpus.size()) {
    for (std::size_t i = 0; i < cpus.size(); ++i) slots_[i].cpu = cpus[i];
  }

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] unsigned cpu(std::size_t i) const noexcept { return slots_[i].cpu; }

  /// Worker i, on its own thread: makes its port by `make_port()`, which returns a
  /// base::Result<std::unique_ptr<P>>, and itself; reports; and serves until request_stop().
  template <class MakePort>
  void run(std::size_t i, MakePort make_port) {
    const auto started = try_prepare(i, make_port);
    gate_.report(started);
    if (started) slots_[i].worker->run(stop_);
  }

  /// Waits until the workers 0 to n-1 serve, or one of them has failed.
  base::Result<void> wait_started(std::size_t n) { return gate_.wait(n); }
  void request_stop() noexcept { stop_.store(true, std::memory_order_relaxed); }

  /// The rest is for after a successful wait_started().
  [[nodiscard]] P& port(std::size_t i) noexcept { return *slots_[i].port; }
  void clear_counters(const CounterSlots::Freed& freed) noexcept {
    for (Slot& slot : slots_) slot.worker->clear_counters(freed);
  }
  [[nodiscard]] std::string x25519_kernel() const {
    return std::string(slots_.front().worker->x25519_kernel());
  }
  [[nodiscard]] std::vector<WorkerSource> sources() const {
    std::vector<WorkerSource> sources;
    for (const Slot& slot : slots_) {
      sources.push_back({slot.cpu, &slot.port->counters(), &slot.worker->counters()});
    }
    return sources;
  }

 private:
  struct Slot {
    unsigned cpu = 0;
    std::unique_ptr<P> port;  ///< outlives the worker
    std::unique_ptr<Worker<P>> worker;
  };

  template <class MakePort>
  base::Result<void> try_prepare(std::size_t i, MakePort& make_port) {
    try {
      return prepare(i, make_port);
    } catch (const std::exception& error) {
      return base::fail(std::string("cannot start: ") + error.what(),
                        "worker on CPU " + std::to_string(slots_[i].cpu));
    }
  }

  template <class MakePort>
  base::Result<void> prepare(std::size_t i, MakePort& make_port) {
    pthread_setname_np(pthread_self(), ("pssst-" + std::to_string(slots_[i].cpu)).c_str());
    if (auto fit = check_rounding_mode(); !fit) return fit;
    base::Result<std::unique_ptr<P>> port = make_port();
    if (!port) return tl::unexpected(port.error());
    WorkerSettings settings = settings_;
    settings.index = i;
    settings.proof_table_memory /= slots_.size();
    auto worker = Worker<P>::create(**port, snapshots_, std::move(settings));
    if (!worker) return tl::unexpected(worker.error());
    slots_[i].port = std::move(*port);
    slots_[i].worker = std::move(*worker);
    return {};
  }

  Published<Snapshot>& snapshots_;
  const WorkerSettings settings_;
  std::vector<Slot> slots_;
  StartGate gate_;
  std::atomic<bool> stop_{false};
};

}  // namespace pssst::server
