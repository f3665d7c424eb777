/// Whether all workers advance and answer as they should.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/report.hpp"

namespace pssst::server {

/// Looks at what workers count. One thread at a time.
class HealthMonitor {
 public:
  using Clock = std::chrono::steady_clock;

  /// A worker whose loop has not turned for so long is stuck.
  static constexpr std::chrono::seconds kLoopAgeMax{2};
  /// One is made every second (kSelfRequestSeconds).
  static constexpr double kSelfRequestAgeMaxSeconds = 5;

  HealthMonitor(std::vector<WorkerSource> sources, Clock::time_point now);

  /// To be called at least once a second.
  void look(Clock::time_point now);
  /// Every worker's loop has turned lately, as far as look() has seen.
  [[nodiscard]] bool all_advance(Clock::time_point now) const;
  /// One line for each worker that does not advance, or whose last self-request is old or did not
  /// come back right.
  [[nodiscard]] std::vector<std::string> problems(Clock::time_point now) const;

 private:
  struct Watched {
    WorkerSource source;
    std::uint64_t loops = 0;
    Clock::time_point changed;
  };
  std::vector<Watched> watched_;
};

}  // namespace pssst::server
