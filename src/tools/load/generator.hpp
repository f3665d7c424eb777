/// One thread's load on one port.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/client_port.hpp"
#include "tools/load/counters.hpp"
#include "tools/load/histogram.hpp"
#include "tools/load/hostile.hpp"
#include "tools/load/matcher.hpp"
#include "tools/load/outstanding.hpp"
#include "tools/load/request_pool.hpp"
#include "tools/load/schedule.hpp"
#include "tools/load/sources.hpp"

namespace pssst::tools::load {

/// Nanoseconds on CLOCK_MONOTONIC.
[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// What one thread sends in one phase: for a time or for a number of requests, whichever ends
/// first.
struct Phase {
  double rate = 0;         ///< good requests a second; 0: as fast as the window allows
  std::size_t window = 1;  ///< without a rate: how many may be under way
  std::uint64_t start_ns = 0;
  std::uint64_t duration_ns = UINT64_MAX / 2;
  std::uint64_t count = UINT64_MAX;
  double hostile_per_good = 0;  ///< hostile datagrams for each good request
  double hostile_rate = 0;      ///< and so many a second besides
  bool is_measured = false;     ///< latencies are recorded
};

struct GeneratorSettings {
  std::size_t good = 0;  ///< requests of the pool that are sent; the others are replays
  bool expects_replies = true;
  bool fresh = false;   ///< each request is made anew before it is sent again
  bool sleeps = false;  ///< waits in the port when nothing is due; else it polls
  std::uint64_t verify_every = 100;
  std::uint64_t timeout_ns = 1'000'000'000;
  std::size_t outstanding_max = 1;
};

/// What others read of a generator while it runs.
struct GeneratorResults {
  LoadCounters counters;
  Histogram latency;     ///< ns from when a request was due to its reply
  Histogram send_delay;  ///< ns from when a request was due to its sending: how late we were
  base::Counter last_answer_ns;
};

/// Sends, receives, matches. Made on the thread that runs it; nothing allocates after that.
template <net::ClientPort Port>
class Generator {
 public:
  /// All that is referred to outlives it; `hostile` and `sources` may be null.
  Generator(const GeneratorSettings& settings, Port& port, RequestPool& pool, HostilePool* hostile,
            SourcePrefix* sources, GeneratorResults& results, const std::atomic<bool>& stop)
      : settings_(settings),
        port_(port),
        pool_(pool),
        hostile_(hostile),
        sources_(sources),
        results_(results),
        stop_(stop),
        outstanding_(pool.size(), settings.outstanding_max, settings.timeout_ns),
        matcher_(pool, settings.good, settings.verify_every, outstanding_, results.counters,
                 results.latency),
        used_(settings.good),
        ready_(settings.good) {}

  /// One request every 100 ms until one is answered; false if that does not happen within the
  /// timeout.
  bool probe(std::uint64_t timeout_ns) noexcept {
    constexpr std::uint64_t kIntervalNs = 100'000'000;
    const std::uint64_t deadline = monotonic_ns() + timeout_ns;
    std::uint64_t next = 0;
    while (monotonic_ns() < deadline && !stop_.load(std::memory_order_relaxed)) {
      const std::uint64_t now = monotonic_ns();
      if (now >= next) {
        send_good(std::span(&now, 1));
        next = now + kIntervalNs;
      }
      const std::uint64_t answered = results_.counters.answered.read();
      receive();
      if (results_.counters.answered.read() > answered) return true;
      rest_until(next);
    }
    return false;
  }

  /// Sends as the phase says.
  void run(const Phase& phase) noexcept {
    matcher_.set_phase(phase.is_measured, true);
    const bool is_open = phase.rate > 0;
    Schedule schedule(phase.start_ns, is_open ? phase.rate : 1);
    Schedule hostile_schedule(phase.start_ns, phase.hostile_rate > 0 ? phase.hostile_rate : 1);
    const std::uint64_t end = phase.start_ns + phase.duration_ns;
    std::uint64_t left = phase.count;
    double hostile_owed = 0;
    for (std::uint64_t now = monotonic_ns(); now < end && left > 0 && !stopped();
         now = monotonic_ns()) {
      const std::size_t received = receive();
      const std::size_t sent =
          is_open ? send_due(schedule, now, left, phase.is_measured) : send_window(phase, left);
      left -= sent;
      hostile_owed += phase.hostile_per_good * static_cast<double>(sent);
      if (hostile_owed >= 1) hostile_owed -= static_cast<double>(send_hostile(hostile_owed));
      if (phase.hostile_rate > 0) {
        const std::size_t due = hostile_schedule.due_count(now, kBatch);
        hostile_schedule.take(send_hostile(static_cast<double>(due)));
      }
      if (received > 0 || sent > 0) continue;
      if (settings_.fresh && make_ahead()) continue;
      std::uint64_t next = std::min(end, outstanding_.next_expiry());
      if (is_open) next = std::min(next, schedule.next());
      if (phase.hostile_rate > 0) next = std::min(next, hostile_schedule.next());
      rest_until(next);
    }
    if (is_open && left > 0 && !stopped()) catch_up(schedule, end, left, phase.is_measured);
    matcher_.set_phase(phase.is_measured, false);
  }

  /// Receives until nothing is under way any more, at most for the timeout.
  void drain() noexcept {
    while (outstanding_.count() > 0) {
      if (receive() == 0) rest_until(outstanding_.next_expiry());
    }
  }

  /// Receives for so long: what is late, and duplicates.
  void linger(std::uint64_t duration_ns) noexcept {
    const std::uint64_t end = monotonic_ns() + duration_ns;
    while (monotonic_ns() < end) {
      if (receive() == 0) rest_until(end);
    }
  }

 private:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::uint64_t kCatchUpNs = 20'000'000;
  static constexpr std::size_t kMakeBatch = 8;  ///< while others wait to be sent
  static constexpr std::size_t kSearch = 256;   ///< pool entries looked at for one that is idle
  /// Timers are late by this much: the rest is polled.
  static constexpr std::uint64_t kTimerSlackNs = 80'000;

  [[nodiscard]] bool stopped() const noexcept { return stop_.load(std::memory_order_relaxed); }

  /// How many datagrams.
  std::size_t receive() noexcept {
    const std::size_t count = port_.receive(received_);
    const std::uint64_t now = monotonic_ns();
    if (count > 0 && matcher_.receive(std::span(received_).first(count), now) > 0) {
      results_.last_answer_ns.set(now);
    }
    matcher_.expire(now);
    return count;
  }

  /// Sends what was due before `end` and is late, if that is a matter of moments; what a port or a
  /// CPU too slow leaves over is counted.
  void catch_up(Schedule& schedule, std::uint64_t end, std::uint64_t left,
                bool is_measured) noexcept {
    const std::uint64_t goal = std::min(schedule.due_before(end), schedule.taken() + left);
    while (schedule.taken() < goal && monotonic_ns() < end + kCatchUpNs) {
      receive();
      send_due(schedule, end - 1, goal - schedule.taken(), is_measured);
    }
    if (schedule.taken() < goal) results_.counters.unsent.add(goal - schedule.taken());
  }

  std::size_t send_due(Schedule& schedule, std::uint64_t now, std::uint64_t left,
                       bool is_measured) noexcept {
    std::array<std::uint64_t, kBatch> due;
    const std::size_t count =
        schedule.due_count(now, static_cast<std::size_t>(std::min<std::uint64_t>(left, kBatch)));
    for (std::size_t i = 0; i < count; ++i) due[i] = schedule.due(schedule.taken() + i);
    const std::size_t sent = send_good(std::span(due).first(count));
    if (is_measured) {
      for (std::size_t i = 0; i < sent; ++i) {
        results_.send_delay.record(sent_ns_ > due[i] ? sent_ns_ - due[i] : 0);
      }
    }
    schedule.take(sent);
    return sent;
  }

  std::size_t send_window(const Phase& phase, std::uint64_t left) noexcept {
    const std::size_t under_way = outstanding_.count();
    if (under_way >= phase.window) return 0;
    std::array<std::uint64_t, kBatch> due;
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>({left, kBatch, phase.window - under_way}));
    due.fill(monotonic_ns());
    return send_good(std::span(due).first(count));
  }

  /// One request for each time in `due`, at most kBatch; returns how many left.
  std::size_t send_good(std::span<const std::uint64_t> due) noexcept {
    std::array<std::uint32_t, kBatch> picked;
    std::array<net::Outgoing, kBatch> outgoing;
    const std::size_t wanted = available(due.size());
    for (std::size_t i = 0; i < wanted; ++i) {
      picked[i] = pick();
      const std::span datagram = pool_.datagram(picked[i]);
      outgoing[i] = {.data = datagram.data(), .size = static_cast<std::uint16_t>(datagram.size())};
    }
    const std::size_t sent = wanted == 0 ? 0 : port_.send(std::span(outgoing).first(wanted));
    sent_ns_ = monotonic_ns();
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < sent; ++i) {
      bytes += outgoing[i].size;
      if (settings_.fresh) use(picked[i]);
      if (!settings_.expects_replies) continue;
      if (const std::size_t lost = outstanding_.sent(picked[i], due[i], sent_ns_); lost > 0) {
        results_.counters.lost.add(lost);
        results_.counters.given_up.add(lost);
      }
    }
    if (sent < wanted) cursor_ = picked[sent];
    results_.counters.sent.add(sent);
    results_.counters.bytes_out.add(bytes);
    if (sent < due.size()) results_.counters.held_back.add(1);
    return sent;
  }

  /// At most `owed`, and a batch; returns how many left.
  std::size_t send_hostile(double owed) noexcept {
    if (hostile_ == nullptr) return 0;
    const std::size_t count = std::min(kBatch, static_cast<std::size_t>(std::max(owed, 0.0)));
    std::array<net::Outgoing, kBatch> outgoing;
    std::array<HostileKind, kBatch> kinds;
    for (std::size_t i = 0; i < count; ++i) {
      const HostilePool::Datagram& datagram = hostile_->next();
      kinds[i] = datagram.kind;
      outgoing[i] = {.data = datagram.bytes.data(),
                     .size = static_cast<std::uint16_t>(datagram.bytes.size())};
      if (sources_ != nullptr) outgoing[i].source = sources_->next();
    }
    const std::size_t sent = count == 0 ? 0 : port_.send(std::span(outgoing).first(count));
    for (std::size_t i = 0; i < sent; ++i) {
      results_.counters.hostile_sent[static_cast<std::size_t>(kinds[i])].add(1);
    }
    return sent;
  }

  /// How many of `wanted` requests can be sent now: fresh ones must have been made.
  std::size_t available(std::size_t wanted) noexcept {
    if (!settings_.fresh) return wanted;
    if (ready_ == 0) make_ahead();
    return std::min(wanted, ready_);
  }

  /// The next request that is idle, or that has not been sent yet. If none is near, one that is
  /// under way: Outstanding sees to that.
  std::uint32_t pick() noexcept {
    const std::size_t search = settings_.fresh ? settings_.good : kSearch;
    std::size_t chosen = cursor_;
    for (std::size_t step = 0; step < search && !is_free(chosen); ++step) chosen = after(chosen);
    cursor_ = after(chosen);
    return static_cast<std::uint32_t>(chosen);
  }
  [[nodiscard]] bool is_free(std::size_t i) const noexcept {
    return settings_.fresh ? !used_[i] : outstanding_.is_idle(i);
  }
  [[nodiscard]] std::size_t after(std::size_t i) const noexcept {
    return i + 1 == settings_.good ? 0 : i + 1;
  }
  void use(std::size_t i) noexcept {
    used_[i] = true;
    --ready_;
  }

  /// Makes some of the used requests anew. False if there are none that are idle, or enough ready.
  bool make_ahead() noexcept {
    std::array<std::uint32_t, kMakeBatch> batch;
    std::size_t count = 0;
    for (std::size_t step = 0; step < settings_.good && count < kMakeBatch; ++step) {
      if (used_[make_cursor_] && outstanding_.is_idle(make_cursor_)) {
        batch[count++] = static_cast<std::uint32_t>(make_cursor_);
      }
      make_cursor_ = after(make_cursor_);
    }
    pool_.make(std::span(batch).first(count));
    for (std::size_t i = 0; i < count; ++i) used_[batch[i]] = false;
    ready_ += count;
    return count > 0;
  }

  void rest_until(std::uint64_t next_ns) noexcept {
    if (!settings_.sleeps) return;
    constexpr std::uint64_t kStopSeenWithinNs = 50'000'000;
    const std::uint64_t now = monotonic_ns();
    if (next_ns <= now + kTimerSlackNs) return;
    port_.wait(
        std::chrono::nanoseconds(std::min(next_ns - now - kTimerSlackNs, kStopSeenWithinNs)));
  }

  const GeneratorSettings settings_;
  Port& port_;
  RequestPool& pool_;
  HostilePool* hostile_;
  SourcePrefix* sources_;
  GeneratorResults& results_;
  const std::atomic<bool>& stop_;
  Outstanding outstanding_;
  Matcher matcher_;
  std::array<net::Datagram, 64> received_{};
  std::size_t cursor_ = 0;
  std::uint64_t sent_ns_ = 0;  ///< when the last requests left
  // Fresh requests.
  std::vector<bool> used_;
  std::size_t ready_;  ///< made and not sent
  std::size_t make_cursor_ = 0;
};

}  // namespace pssst::tools::load
