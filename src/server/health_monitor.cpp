#include "server/health_monitor.hpp"

#include <algorithm>

#include "base/tsc.hpp"

namespace pssst::server {
namespace {

std::string self_request_problem(const telemetry::SelfRequestCounters& own) {
  const std::uint64_t last = own.last_right_tsc.read();
  if (last == 0) return "no request of its own was answered right yet";
  const double age =
      static_cast<double>(base::read_tsc() - last) / static_cast<double>(base::tsc_hz());
  if (age <= HealthMonitor::kSelfRequestAgeMaxSeconds) return {};
  return "no request of its own was answered right for " +
         std::to_string(static_cast<std::uint64_t>(age)) + " s";
}

}  // namespace

HealthMonitor::HealthMonitor(std::vector<WorkerSource> sources, Clock::time_point now) {
  for (WorkerSource& source : sources) {
    watched_.push_back({.source = source, .loops = source.worker->loops.read(), .changed = now});
  }
}

void HealthMonitor::look(Clock::time_point now) {
  for (Watched& watched : watched_) {
    const std::uint64_t loops = watched.source.worker->loops.read();
    if (loops == watched.loops) continue;
    watched.loops = loops;
    watched.changed = now;
  }
}

bool HealthMonitor::all_advance(Clock::time_point now) const {
  return std::ranges::all_of(
      watched_, [&](const Watched& watched) { return now - watched.changed <= kLoopAgeMax; });
}

std::vector<std::string> HealthMonitor::problems(Clock::time_point now) const {
  std::vector<std::string> problems;
  for (const Watched& watched : watched_) {
    const std::string worker = "worker on CPU " + std::to_string(watched.source.cpu) + ": ";
    if (const auto age = now - watched.changed; age > kLoopAgeMax) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
      problems.push_back(worker + "its loop has not turned for " + std::to_string(seconds) + " s");
      continue;
    }
    const std::string own = self_request_problem(watched.source.worker->self_requests);
    if (!own.empty()) problems.push_back(worker + own);
  }
  return problems;
}

}  // namespace pssst::server
