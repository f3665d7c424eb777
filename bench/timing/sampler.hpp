/// A profile without help of the kernel's performance counters, which virtual machines lack.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace pssst::bench {

/// Notes, at even times, at which instruction the process is. One at a time, in a process of one
/// thread; SIGPROF is its own.
class Sampler {
 public:
  /// Throws std::system_error if there is no timer to be had.
  explicit Sampler(double interval_us);
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  ~Sampler();

  /// How often the process was found at `offset` of the program or library in `file`.
  struct Place {
    std::string file;
    std::uintptr_t offset = 0;
    std::size_t count = 0;
  };
  /// Stops sampling.
  [[nodiscard]] std::vector<Place> places();

 private:
  void stop() noexcept;

  timer_t timer_{};
  struct sigaction before_ {};
  bool running_ = false;
};

}  // namespace pssst::bench
