#include "server/suites.hpp"

#include <memory>

#include "server/replay_worker.hpp"
#include "timing/quiet_clock.hpp"

namespace pssst::bench {

std::vector<SuiteLoad> measure_suites(std::size_t clients, std::size_t message_size,
                                      std::span<const std::string> kernels,
                                      const WindowSettings& settings) {
  const Population suite1(clients, kSuite1);
  const Population suite_f002(clients, kSuiteF002);
  std::vector<SuiteLoad> loads;
  std::vector<std::unique_ptr<ReplayWorker>> workers;
  std::vector<Contender> contenders;
  for (std::size_t kernel = 0; kernel < kernels.size(); ++kernel) {
    for (const std::uint16_t suite : {kSuite1, kSuiteF002}) {
      for (const bool authenticated : {false, true}) {
        workers.push_back(std::make_unique<ReplayWorker>(
            suite == kSuite1 ? suite1 : suite_f002,
            Load{.authenticated = authenticated, .message_size = message_size}, kernels[kernel]));
        ReplayWorker& worker = *workers.back();
        contenders.push_back(
            {.call = [&worker] { worker.answer_burst(); }, .operations = worker.burst_limit()});
        loads.push_back({.kernel = kernel,
                         .suite = suite,
                         .authenticated = authenticated,
                         .static_secrets_multiplied = worker.static_secrets_multiplied()});
      }
    }
  }
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(contenders, settings, clock);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    loads[i].figures = figures[i];
    loads[i].static_secrets_multiplied =
        workers[i]->static_secrets_multiplied() - loads[i].static_secrets_multiplied;
  }
  return loads;
}

}  // namespace pssst::bench
