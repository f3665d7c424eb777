/// The threads of a load, in step with each other.
#pragma once

#include <atomic>
#include <barrier>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/request_maker.hpp"
#include "tools/load/generator.hpp"
#include "tools/load/settings.hpp"
#include "tools/load/sources.hpp"

namespace pssst::tools::load {

/// What a thread begins with, and leaves behind.
struct Member {
  GeneratorResults results;
  std::unique_ptr<protocol::RequestMaker> maker;
  std::unique_ptr<HostileMaker> hostile_maker;  ///< null: no hostile traffic
  std::optional<SourcePrefix> sources;

  // Written by the thread before it is done.
  CounterValues warmup;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  double made_s = 0;
  bool is_reached = false;
};

/// Makes requests, probes, warms up and measures; each step begins when all have ended the one
/// before.
class Crew {
 public:
  Crew(const Settings& settings, std::vector<std::unique_ptr<Member>> members);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() = default;

  /// All that thread `index` does. `sleeps`: waits in the port when nothing is due.
  template <net::ClientPort Port>
  void work(std::size_t index, Port& port, bool sleeps) {
    Member& own = *members_[index];
    const std::uint64_t made_from = monotonic_ns();
    RequestPool pool(*own.maker, pool_settings());
    pool.make_all();
    const std::unique_ptr<HostilePool> hostile = make_hostile(own, pool);
    Generator<Port> generator(generator_settings(sleeps), port, pool, hostile.get(),
                              own.sources ? &*own.sources : nullptr, own.results, stop_);
    own.made_s = static_cast<double>(monotonic_ns() - made_from) / 1e9;
    in_step_.arrive_and_wait();
    own.is_reached = !settings_.expects_replies() || generator.probe(settings_.connect_ns);
    in_step_.arrive_and_wait();
    if (all_reached()) {
      generator.run(warmup_phase(index));
      generator.drain();
      own.warmup = own.results.counters.read();
      in_step_.arrive_and_wait();
      const Phase phase = measured_phase(index);
      own.start_ns = phase.start_ns;
      generator.run(phase);
      own.end_ns = monotonic_ns();
      generator.drain();
      generator.linger(kLingerNs);
    } else {
      generator.drain();
      own.warmup = own.results.counters.read();
    }
    finished_.fetch_add(1, std::memory_order_release);
  }

  void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_finished() const noexcept {
    return finished_.load(std::memory_order_acquire) == members_.size();
  }
  /// Whether latencies are being measured, or have been.
  [[nodiscard]] bool is_measuring() const noexcept {
    return step_.load(std::memory_order_acquire) >= kMeasuringStep;
  }
  /// Their results may be read at any time, the rest once all are finished.
  [[nodiscard]] const std::vector<std::unique_ptr<Member>>& members() const noexcept {
    return members_;
  }

 private:
  static constexpr std::uint64_t kLingerNs = 100'000'000;  ///< for duplicates of the last replies
  static constexpr unsigned kMeasuringStep = 3;
  /// Replays are drawn from so many requests of the pool's end.
  static constexpr std::size_t kReplays = 256;

  /// Called by the last thread to arrive, before any goes on.
  struct NextStep {
    Crew& crew;
    void operator()() noexcept {
      crew.step_start_ns_ = monotonic_ns();
      crew.step_.fetch_add(1, std::memory_order_release);
    }
  };

  [[nodiscard]] std::size_t good_requests() const noexcept {
    return settings_.pool / settings_.threads;
  }
  [[nodiscard]] PoolSettings pool_settings() const;
  [[nodiscard]] GeneratorSettings generator_settings(bool sleeps) const;
  [[nodiscard]] std::unique_ptr<HostilePool> make_hostile(Member& own, const RequestPool& pool);
  [[nodiscard]] Phase phase_of(std::size_t index) const noexcept;
  [[nodiscard]] Phase warmup_phase(std::size_t index) const noexcept;
  [[nodiscard]] Phase measured_phase(std::size_t index) const noexcept;
  [[nodiscard]] bool all_reached() const noexcept;

  const Settings& settings_;
  std::vector<std::unique_ptr<Member>> members_;
  std::uint64_t step_start_ns_ = 0;
  std::atomic<unsigned> step_{0};
  std::atomic<std::size_t> finished_{0};
  std::atomic<bool> stop_{false};
  std::barrier<NextStep> in_step_;
};

}  // namespace pssst::tools::load
