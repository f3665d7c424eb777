/// What a load found out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/load/counters.hpp"
#include "tools/load/histogram.hpp"
#include "tools/load/settings.hpp"

namespace pssst::tools::load {

struct LoadReport {
  std::string target;                ///< "192.0.2.1:7700"
  std::vector<std::string> devices;  ///< of DPDK; none: kernel sockets
  std::string x25519_kernel;         ///< that made the requests
  std::string cpu;
  std::size_t client_count = 0;
  double made_s = 0;        ///< what making the requests took
  bool is_reached = false;  ///< a request was answered before all began, or no replies are expected

  double sending_s = 0;    ///< from the first request's time to the last
  double answering_s = 0;  ///< to the last answer
  CounterValues warmup;
  CounterValues measured;
  HistogramSnapshot latency;     ///< ns
  HistogramSnapshot send_delay;  ///< ns; open loop
  std::uint64_t unreachable = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t frames_ignored = 0;

  /// Of good requests: those answered while they were sent or, where the count ended the run, all
  /// of them up to the last answer.
  [[nodiscard]] double answered_per_s(const Settings& settings) const noexcept;
};

/// For people, several lines.
[[nodiscard]] std::string to_text(const LoadReport& report, const Settings& settings);
/// One object, on one line. Latencies are in nanoseconds, null where there is none;
/// latency_curve_ns holds pairs of a share of the values and what they do not exceed.
[[nodiscard]] std::string to_json(const LoadReport& report, const Settings& settings);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
/// "0.123 ms", "12.3 us", "1.20 s": three significant digits.
[[nodiscard]] std::string duration_text(std::uint64_t ns);

}  // namespace pssst::tools::load
