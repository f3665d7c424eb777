/// What --repeat tells about its calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "client/udp_client.hpp"

namespace pssst::tools {

class CallStatistics {
 public:
  void add(const client::CallReport& report);

  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
  [[nodiscard]] std::uint64_t answered() const noexcept { return latencies_.size(); }

  /// The smallest latency that at least `percent` of the answered calls did not exceed (nearest
  /// rank); zero if none was answered. 0 < percent <= 100.
  [[nodiscard]] std::chrono::nanoseconds percentile(unsigned percent) const;

  /// "N calls, N answered, N.N/s, p50 N.NNN ms, p99 N.NNN ms"; the rate counts answers.
  [[nodiscard]] std::string summary(std::chrono::nanoseconds elapsed) const;

 private:
  std::uint64_t calls_ = 0;
  std::uint64_t bad_replies_ = 0;
  std::vector<std::chrono::nanoseconds> latencies_;  ///< of answered calls
};

/// "N.N/s".
[[nodiscard]] std::string rate_text(std::uint64_t count, std::chrono::nanoseconds elapsed);

}  // namespace pssst::tools
