/// A worker's requests per second between memory and memory, against the X25519 kernel alone.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu_features.hpp"
#include "base/tsc.hpp"
#include "crypto/sha256.hpp"
#include "crypto/x25519.hpp"
#include "server/ceiling.hpp"
#include "server/replay_worker.hpp"
#include "server/scaling.hpp"
#include "server/suites.hpp"
#include "server/ways.hpp"
#include "timing/quiet_clock.hpp"
#include "timing/sampler.hpp"
#include "timing/windows.hpp"
#include "tools/fire.hpp"

namespace pssst::bench {
namespace {

using nlohmann::json;

constexpr const char* kAbout =
    "Times a worker over a port that replays frames from memory: parsing, admission, X25519,\n"
    "the AEAD, dispatch to the echo handler, sealing and the reply's frame, but no device.\n"
    "Before, one reply to each client is opened and found right. Prints JSON.\n"
    "\n"
    "pipeline: each kind of load, and the X25519 kernel alone on full bursts, take turns in\n"
    "windows on one CPU. suites: requests of suite 1 and of suite 0xF002, 64 bytes, by the\n"
    "kernel chosen and by avx2, take turns likewise. scaling: one worker a CPU, each alone and\n"
    "all together. fire: what a worker pays for datagrams that it drops before it multiplies, and "
    "for\n"
    "its protections when nobody attacks. profile: where the time of a worker goes, anonymous and "
    "64 bytes;\n"
    "server/worker_profile.py names the places. ways: built-in echo, libraries and forward, by\n"
    "themselves and beside another service; the libraries lie beside this program.";

constexpr std::array<std::size_t, 4> kMessageSizes{22, 64, 256, 1200};
constexpr std::size_t kSuitesMessageSize = 64;
constexpr const char* kSuitesKernel = "avx2";  // what suite 0xF002 may cost is said of this one
constexpr double kSampleIntervalUs = 211;      // a prime: in step with nothing

struct Arguments {
  std::size_t rounds = 9;
  double window_ms = 50;
  std::size_t clients = 1000;
  std::string kernel;
  std::vector<unsigned> cpus{last_allowed_cpu()};
};

json to_json(const Figures& figures) {
  const auto hz = static_cast<double>(base::tsc_hz());
  json entry{{"ticks_median", figures.median},
             {"ticks_best", figures.best},
             {"per_second_median", hz / figures.median},
             {"per_second_best", hz / figures.best},
             {"quiet_windows", figures.quiet_windows}};
  if (figures.quiet_windows > 0) entry["core_cycles"] = figures.core_cycles;
  return entry;
}

json describe(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  return {{"cpu_name", base::cpu_name()},      {"cpus", arguments.cpus},
          {"tsc_hz", base::tsc_hz()},          {"kernel", kernel.name},
          {"burst_limit", kernel.burst_limit}, {"rounds", arguments.rounds},
          {"window_ms", arguments.window_ms},  {"clients", arguments.clients}};
}

json measure_pipeline(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  const Population population(arguments.clients);
  std::vector<Load> loads;
  for (const bool authenticated : {false, true}) {
    for (const std::size_t size : kMessageSizes) loads.push_back({authenticated, size});
  }
  Ceiling ceiling(population, kernel);
  std::vector<std::unique_ptr<ReplayWorker>> workers;
  std::vector<Contender> contenders{
      {.call = [&] { ceiling.multiply_burst(); }, .operations = kernel.burst_limit}};
  for (const Load& load : loads) {
    workers.push_back(std::make_unique<ReplayWorker>(population, load, arguments.kernel));
    contenders.push_back({.call = [worker = workers.back().get()] { worker->answer_burst(); },
                          .operations = kernel.burst_limit});
  }
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(
      contenders, {.rounds = arguments.rounds, .window_ms = arguments.window_ms}, clock);

  json result = describe(arguments, kernel);
  result["ceiling"] = to_json(figures.front());
  result["loads"] = json::array();
  for (std::size_t i = 0; i < loads.size(); ++i) {
    json entry = to_json(figures[i + 1]);
    const std::size_t anonymous = i % kMessageSizes.size();
    entry["authenticated"] = loads[i].authenticated;
    entry["message_size"] = loads[i].message_size;
    entry["of_ceiling"] = speed_ratio(figures[i + 1], figures.front());
    entry["of_anonymous"] = speed_ratio(figures[i + 1], figures[anonymous + 1]);
    result["loads"].push_back(std::move(entry));
  }
  return result;
}

json to_json(const SuiteLoad& load, const SuiteLoad& of_suite1, const SuiteLoad& anonymous) {
  json entry = to_json(load.figures);
  entry["suite"] = load.suite;
  entry["authenticated"] = load.authenticated;
  entry["ticks_above_suite1"] = ticks_above(load.figures, of_suite1.figures);
  entry["of_anonymous"] = speed_ratio(load.figures, anonymous.figures);
  entry["static_secrets_multiplied"] = load.static_secrets_multiplied;
  return entry;
}

json measure_suites(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  std::vector<const crypto::X25519Kernel*> kernels{&kernel};
  std::vector<std::string> names{arguments.kernel};
  const crypto::X25519Kernel* other = crypto::select_x25519_kernel(kSuitesKernel);
  if (other != nullptr && other != &kernel) {
    kernels.push_back(other);
    names.emplace_back(kSuitesKernel);
  }
  const std::vector<SuiteLoad> loads =
      bench::measure_suites(arguments.clients, kSuitesMessageSize, names,
                            {.rounds = arguments.rounds, .window_ms = arguments.window_ms});
  const auto find = [&](std::size_t place, std::uint16_t suite, bool authenticated) {
    return *std::ranges::find_if(loads, [&](const SuiteLoad& load) {
      return load.kernel == place && load.suite == suite && load.authenticated == authenticated;
    });
  };
  json result = describe(arguments, kernel);
  result["sha256"] = crypto::Sha256Engine::create().value()->kernel();
  result["message_size"] = kSuitesMessageSize;
  result["kernels"] = json::array();
  for (const crypto::X25519Kernel* one : kernels) {
    result["kernels"].push_back(
        {{"kernel", one->name}, {"burst_limit", one->burst_limit}, {"loads", json::array()}});
  }
  for (const SuiteLoad& load : loads) {
    result["kernels"][load.kernel]["loads"].push_back(
        to_json(load, find(load.kernel, kSuite1, load.authenticated),
                find(load.kernel, load.suite, false)));
  }
  return result;
}

json measure_fire(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  const FireFigures figures =
      bench::measure_fire(arguments.clients, arguments.kernel, kernel,
                          {.rounds = arguments.rounds, .window_ms = arguments.window_ms});
  json result = describe(arguments, kernel);
  result["ceiling"] = to_json(figures.multiply);
  result["protected"] = to_json(figures.with_protections);
  result["open"] = to_json(figures.without);
  result["protected_of_open"] = speed_ratio(figures.with_protections, figures.without);
  result["drops"] = json::array();
  for (const CheapDrop& drop : figures.drops) {
    json entry = to_json(drop.figures);
    entry["what"] = drop.what;
    entry["of_x25519"] = 1 / speed_ratio(drop.figures, figures.multiply);
    result["drops"].push_back(std::move(entry));
  }
  return result;
}

json measure_scaling(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  const Population population(arguments.clients);
  const std::vector<ScalingRound> rounds = measure_scaling(population, {},
                                                           {.cpus = arguments.cpus,
                                                            .rounds = arguments.rounds,
                                                            .window_ms = arguments.window_ms,
                                                            .kernel = arguments.kernel});
  json result = describe(arguments, kernel);
  result["scaling"] = json::array();
  for (const ScalingRound& round : rounds) {
    result["scaling"].push_back({{"alone", round.alone}, {"together", round.together}});
  }
  return result;
}

json to_json(const Way& way) {
  return {{"name", way.name},
          {"per_second_median", median(way.rates)},
          {"per_second_best", *std::ranges::max_element(way.rates)},
          {"of_echo", way.of_echo}};
}

json to_json(const Neighbour& neighbour) {
  const auto a_second = [&](std::uint64_t count) {
    return static_cast<double>(count) / neighbour.seconds;
  };
  return {{"name", neighbour.name},
          {"shares_cpu", neighbour.shares_cpu},
          {"per_second_median", median(neighbour.rates)},
          {"of_undisturbed", neighbour.of_undisturbed},
          {"offered", neighbour.offered},
          {"offered_per_second", a_second(neighbour.offered)},
          {"taken_per_second", a_second(neighbour.taken)},
          {"replied_per_second", a_second(neighbour.replied)}};
}

json measure_ways(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  const WayFigures figures = bench::measure_ways(
      {.clients = arguments.clients,
       .rounds = arguments.rounds,
       .window_ms = arguments.window_ms,
       .kernel = arguments.kernel,
       .cpu = arguments.cpus.front(),
       .libraries = std::filesystem::read_symlink("/proc/self/exe").parent_path()});
  json result = describe(arguments, kernel);
  result["ways"] = json::array();
  for (const Way& way : figures.ways) result["ways"].push_back(to_json(way));
  result["neighbours"] = json::array();
  for (const Neighbour& one : figures.neighbours) result["neighbours"].push_back(to_json(one));
  return result;
}

json measure_profile(const Arguments& arguments, const crypto::X25519Kernel& kernel) {
  const Population population(arguments.clients);
  ReplayWorker worker(population, {}, arguments.kernel);
  Sampler sampler(kSampleIntervalUs);
  const std::uint64_t begin = base::read_tsc();
  const auto length =
      static_cast<std::uint64_t>(arguments.window_ms * static_cast<double>(base::tsc_hz()) / 1000);
  for (std::size_t i = 0; i < arguments.rounds; ++i) {
    const std::uint64_t end = begin + (i + 1) * length;
    while (base::read_tsc() < end) worker.answer_burst();
  }
  json result = describe(arguments, kernel);
  result["places"] = json::array();
  for (const Sampler::Place& place : sampler.places()) {
    result["places"].push_back(
        {{"file", place.file}, {"offset", place.offset}, {"count", place.count}});
  }
  return result;
}

void declare(CLI::App& app, Arguments& arguments) {
  app.require_subcommand(1);
  for (CLI::App* command : {app.add_subcommand("pipeline", "Loads against the kernel alone"),
                            app.add_subcommand("suites", "Suite 0xF002 beside suite 1"),
                            app.add_subcommand("fire", "Hostile datagrams and protections"),
                            app.add_subcommand("scaling", "Workers alone and together"),
                            app.add_subcommand("ways", "Ways to answer"),
                            app.add_subcommand("profile", "Where a worker's time goes")}) {
    command->add_option("--rounds", arguments.rounds, "Windows of each contender")
        ->check(CLI::Range(1, 100000));
    command->add_option("--window", arguments.window_ms, "Length of a window, ms")
        ->check(CLI::Range(0.01, 10000.0));
    command->add_option("--clients", arguments.clients, "Clients, each with a key and an address")
        ->check(CLI::Range(256, 60000));
    command->add_option("--x25519-kernel", arguments.kernel, "X25519 implementation");
    command->add_option("--cpus", arguments.cpus, "CPUs to run on: one, or one a worker");
  }
}

int run(int argc, char** argv) {
  CLI::App app(kAbout, "worker_bench");
  Arguments arguments;
  declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  const crypto::X25519Kernel* kernel = crypto::select_x25519_kernel(arguments.kernel);
  if (kernel == nullptr) {
    static_cast<void>(
        std::fprintf(stderr, "worker_bench: no kernel \"%s\" here\n", arguments.kernel.c_str()));
    return 2;
  }
  // Where threads besides the worker's are timed it pins itself.
  if (!app.got_subcommand("ways") && !pin_to_cpu(arguments.cpus.front())) {
    static_cast<void>(
        std::fprintf(stderr, "worker_bench: may not run on CPU %u\n", arguments.cpus.front()));
    return 1;
  }
  const json result = app.got_subcommand("pipeline")  ? measure_pipeline(arguments, *kernel)
                      : app.got_subcommand("suites")  ? measure_suites(arguments, *kernel)
                      : app.got_subcommand("fire")    ? measure_fire(arguments, *kernel)
                      : app.got_subcommand("scaling") ? measure_scaling(arguments, *kernel)
                      : app.got_subcommand("ways")    ? measure_ways(arguments, *kernel)
                                                      : measure_profile(arguments, *kernel);
  std::printf("%s\n", result.dump(1).c_str());
  return 0;
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  return pssst::bench::run(argc, argv);
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "worker_bench: %s\n", error.what()));
  return 1;
}
