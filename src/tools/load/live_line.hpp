/// The line that tells how a load goes while it runs.
#pragma once

#include <cstdint>
#include <string>

#include "tools/load/crew.hpp"

namespace pssst::tools::load {

class LiveLine {
 public:
  explicit LiveLine(const Crew& crew) noexcept : crew_(crew), last_ns_(monotonic_ns()) {}

  /// What happened since the last call: "98,765/s sent, 98,760/s answered, 5 lost, p50 123 us, p99
  /// 456 us". Latencies are those of the measured part.
  [[nodiscard]] std::string next();

 private:
  const Crew& crew_;
  std::uint64_t last_ns_;
  CounterValues last_;
  HistogramSnapshot last_latency_;
};

/// Of all its threads.
[[nodiscard]] CounterValues total_counters(const Crew& crew);
[[nodiscard]] HistogramSnapshot total_latency(const Crew& crew);

}  // namespace pssst::tools::load
