#include "server/scaling.hpp"

#include <barrier>
#include <cstdint>
#include <mutex>
#include <thread>

#include "base/assert.hpp"
#include "base/tsc.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {
namespace {

/// Bursts until the window's end; requests per second of this thread's CPU time.
double run_window(ReplayWorker& worker, double window_ms) {
  const auto hz = static_cast<double>(base::tsc_hz());
  const auto length = static_cast<std::uint64_t>(window_ms * hz / 1000);
  const std::uint64_t begin = base::read_tsc();
  const double begin_ticks = thread_ticks();
  std::size_t requests = 0;
  while (base::read_tsc() - begin < length) {
    worker.answer_burst();
    requests += worker.burst_limit();
  }
  return static_cast<double>(requests) * hz / (thread_ticks() - begin_ticks);
}

}  // namespace

std::vector<ScalingRound> measure_scaling(const Population& population, const Load& load,
                                          const ScalingSettings& settings) {
  const std::size_t workers = settings.cpus.size();
  std::vector<ScalingRound> rounds(settings.rounds);
  for (ScalingRound& round : rounds) {
    round.alone.resize(workers);
    round.together.resize(workers);
  }
  std::barrier turn(static_cast<std::ptrdiff_t>(workers));
  std::mutex population_lock;
  const auto make_worker = [&] {
    const std::scoped_lock lock(population_lock);
    return ReplayWorker(population, load, settings.kernel);
  };
  const auto work = [&](std::size_t index) {
    PSSST_ASSERT(pin_to_cpu(settings.cpus[index]));
    ReplayWorker worker = make_worker();
    for (ScalingRound& round : rounds) {
      for (std::size_t alone = 0; alone < workers; ++alone) {
        turn.arrive_and_wait();
        if (alone == index) round.alone[index] = run_window(worker, settings.window_ms);
      }
      turn.arrive_and_wait();
      round.together[index] = run_window(worker, settings.window_ms);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < workers; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  return rounds;
}

}  // namespace pssst::bench
