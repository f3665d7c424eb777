/// Workers side by side, each on a CPU of its own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/replay_worker.hpp"

namespace pssst::bench {

/// Requests per second of a worker's CPU time.
struct ScalingRound {
  std::vector<double> alone;     ///< each worker while the others wait
  std::vector<double> together;  ///< each worker while all of them work
};

struct ScalingSettings {
  std::vector<unsigned> cpus;  ///< one worker each
  std::size_t rounds = 9;
  double window_ms = 100;
  std::string kernel;
};

/// A round takes a window of each worker alone and one of all of them together.
[[nodiscard]] std::vector<ScalingRound> measure_scaling(const Population& population,
                                                        const Load& load,
                                                        const ScalingSettings& settings);

}  // namespace pssst::bench
