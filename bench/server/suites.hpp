/// Suite 0xF002 beside suite 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "timing/windows.hpp"

namespace pssst::bench {

/// What a worker of one kernel makes of one kind of request.
struct SuiteLoad {
  std::size_t kernel = 0;  ///< which of those given
  std::uint16_t suite = 0;
  bool authenticated = false;
  Figures figures{};
  /// Requests whose client's static secret was multiplied while this was measured.
  std::uint64_t static_secrets_multiplied = 0;
};

/// Each kernel's anonymous and authenticated requests of both suites, in turns; by kernel, suite 1
/// first, anonymous first. The proofs of suite 1 have their tables, and the static secrets of suite
/// 0xF002 are at hand. `kernels`: names as ReplayWorker takes them. Throws std::runtime_error if
/// this CPU cannot serve suite 0xF002.
[[nodiscard]] std::vector<SuiteLoad> measure_suites(std::size_t clients, std::size_t message_size,
                                                    std::span<const std::string> kernels,
                                                    const WindowSettings& settings);

}  // namespace pssst::bench
