#include "tools/load/live_line.hpp"

#include <utility>

#include "tools/load/load_report.hpp"

namespace pssst::tools::load {

CounterValues total_counters(const Crew& crew) {
  CounterValues total;
  for (const auto& member : crew.members()) total += member->results.counters.read();
  return total;
}

HistogramSnapshot total_latency(const Crew& crew) {
  HistogramSnapshot total;
  for (const auto& member : crew.members()) total += member->results.latency.snapshot();
  return total;
}

std::string LiveLine::next() {
  const std::uint64_t now = monotonic_ns();
  CounterValues counters = total_counters(crew_);
  HistogramSnapshot latency = total_latency(crew_);
  CounterValues step = counters;
  step -= last_;
  const HistogramSnapshot latency_step = latency.since(last_latency_);
  const double seconds = static_cast<double>(now - last_ns_) / 1e9;
  const auto rate = [seconds](std::uint64_t count) {
    const double per_second = seconds > 0 ? static_cast<double>(count) / seconds : 0;
    return grouped(static_cast<std::uint64_t>(per_second)) + "/s ";
  };
  std::string text = crew_.is_measuring() ? "" : "(warming up) ";
  text += rate(step.sent) + "sent, " + rate(step.answered) + "answered, " + grouped(step.lost) +
          " lost";
  if (step.mismatches() > 0) text += ", " + grouped(step.mismatches()) + " wrong";
  if (step.hostile_sent_total() > 0) text += ", " + rate(step.hostile_sent_total()) + "hostile";
  if (latency_step.count() > 0) {
    text += ", p50 " + duration_text(latency_step.percentile(0.5)) + ", p99 " +
            duration_text(latency_step.percentile(0.99));
  }
  last_ns_ = now;
  last_ = counters;
  last_latency_ = std::move(latency);
  return text;
}

}  // namespace pssst::tools::load
