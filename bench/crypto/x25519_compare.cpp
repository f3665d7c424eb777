/// Every X25519 implementation against every other, in turns, in one process.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_features.hpp"
#include "base/tsc.hpp"
#include "crypto/x25519_contenders.hpp"
#include "timing/quiet_clock.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {
namespace {

using nlohmann::json;

constexpr const char* kAbout =
    "Times X25519 by every kernel that this CPU runs, by OpenSSL and by libsodium, in short\n"
    "windows that take turns, pinned to one CPU.\n"
    "\n"
    "median, best: TSC ticks for one multiplication. core: core cycles for one, the median of the\n"
    "windows that nobody disturbed, by a loop of known throughput around each. Rates are medians\n"
    "of the ratio within a round.";

struct Arguments {
  std::size_t rounds = 31;
  double window_ms = 2;
  unsigned cpu = last_allowed_cpu();
  std::vector<std::string> kernels = native_kernels();
  std::vector<std::size_t> lanes{1, 2, 4, 8, 16, 32, 64};
  bool as_json = false;
  bool list_kernels = false;
  std::string only;
  std::size_t calls = 0;
};

/// A contender and what was measured of it.
struct Row {
  const X25519Contender* contender = nullptr;
  Figures figures;
  double against_evp = 0;
  double against_derive = 0;
  double against_own = 0;  ///< multiply: against its own burst limit; check: against multiply
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("--rounds", arguments.rounds, "Windows of each contender")
      ->check(CLI::Range(1, 100000));
  app.add_option("--window", arguments.window_ms, "Length of a window, ms")
      ->check(CLI::Range(0.01, 10000.0));
  app.add_option("--cpu", arguments.cpu, "CPU to run on");
  app.add_option("--kernel", arguments.kernels, "Only these kernels")
      ->check(CLI::IsMember(native_kernels()));
  app.add_option("--lanes", arguments.lanes, "Only these lane counts")
      ->check(CLI::Range(std::size_t{1}, crypto::kX25519LanesMax));
  app.add_flag("--json", arguments.as_json, "JSON instead of a table");
  app.add_flag("--list-kernels", arguments.list_kernels,
               "Only print the kernels that this CPU runs, each with the lanes of its vector");
  app.add_option("--only", arguments.only,
                 "Time nothing: call this contender, at the first of the lane counts, as often as "
                 "--calls says (to count its instructions)");
  app.add_option("--calls", arguments.calls, "See --only");
}

const Row& find_row(const std::vector<Row>& rows, std::string_view name, std::size_t lanes) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    return row.contender->name == name && row.contender->lanes == lanes;
  });
  return *found;
}

/// Of the lane counts that were measured, the largest that a burst of this kernel may have.
std::size_t largest_burst(const std::string& kernel, const std::vector<std::size_t>& lanes) {
  const std::size_t limit = crypto::select_x25519_kernel(kernel)->burst_limit;
  std::size_t largest = lanes.front();
  for (const std::size_t n : lanes) {
    if (n <= limit && (largest > limit || n > largest)) largest = n;
  }
  return largest;
}

std::vector<Row> measure(const std::vector<X25519Contender>& contenders, const Arguments& arguments,
                         QuietClock& clock) {
  std::vector<Contender> timed;
  timed.reserve(contenders.size());
  for (const X25519Contender& contender : contenders) {
    timed.push_back({.call = contender.call, .operations = contender.lanes});
  }
  const std::vector<Figures> figures = measure_in_turns(
      timed, {.rounds = arguments.rounds, .window_ms = arguments.window_ms}, clock);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    rows.push_back({.contender = &contenders[i], .figures = figures[i]});
  }
  const Figures& evp = find_row(rows, kOpensslEvp, 1).figures;
  const Figures& derive = find_row(rows, kOpensslDerive, 1).figures;
  for (Row& row : rows) {
    const X25519Contender& contender = *row.contender;
    row.against_evp = speed_ratio(row.figures, evp);
    row.against_derive = speed_ratio(row.figures, derive);
    if (contender.kernel.empty()) continue;
    const std::size_t lanes =
        contender.check ? contender.lanes : largest_burst(contender.kernel, arguments.lanes);
    row.against_own = speed_ratio(row.figures, find_row(rows, contender.kernel, lanes).figures);
  }
  return rows;
}

json to_json(const std::vector<Row>& rows, const QuietClock& clock, const Arguments& arguments) {
  json list = json::array();
  for (const Row& row : rows) {
    json entry{{"name", row.contender->name},
               {"lanes", row.contender->lanes},
               {"ticks_median", row.figures.median},
               {"ticks_best", row.figures.best},
               {"quiet_windows", row.figures.quiet_windows},
               {"against_openssl_evp", row.against_evp},
               {"against_openssl_derive", row.against_derive}};
    if (row.figures.quiet_windows > 0) entry["core_cycles"] = row.figures.core_cycles;
    if (!row.contender->kernel.empty()) {
      entry["kernel"] = row.contender->kernel;
      entry[row.contender->check ? "against_multiply" : "against_own_burst"] = row.against_own;
    }
    list.push_back(std::move(entry));
  }
  const crypto::X25519Kernel* chosen = crypto::select_x25519_kernel({});
  return {{"cpu_name", base::cpu_name()},
          {"cpu", arguments.cpu},
          {"tsc_hz", base::tsc_hz()},
          {"rounds", arguments.rounds},
          {"window_ms", arguments.window_ms},
          {"vector_additions_per_cycle", clock.additions_per_cycle()},
          {"kernel", chosen->name},
          {"burst_limit", chosen->burst_limit},
          {"openssl", openssl_version()},
          {"libsodium", libsodium_version()},
          {"contenders", std::move(list)}};
}

void print_table(const std::vector<Row>& rows, const Arguments& arguments) {
  const auto hz = static_cast<double>(base::tsc_hz());
  std::printf("%s, TSC %.2f GHz; %s, %s\n%zu windows of %g ms each, on CPU %u\n\n",
              base::cpu_name().c_str(), hz / 1e9, openssl_version().c_str(),
              libsodium_version().c_str(), arguments.rounds, arguments.window_ms, arguments.cpu);
  std::printf("%-29s%6s%9s%9s%9s%7s%11s%8s%9s%7s\n", "", "lanes", "median", "best", "core", "quiet",
              "per second", "x EVP", "x derive", "x own");
  for (const Row& row : rows) {
    const Figures& figures = row.figures;
    const std::string core =
        figures.quiet_windows == 0 ? "-" : std::to_string(static_cast<long>(figures.core_cycles));
    std::printf("%-29s%6zu%9.0f%9.0f%9s%7zu%11.0f%8.2f%9.2f", row.contender->name.c_str(),
                row.contender->lanes, figures.median, figures.best, core.c_str(),
                figures.quiet_windows, hz / figures.median, row.against_evp, row.against_derive);
    if (row.contender->kernel.empty()) {
      std::printf("%7s\n", "");
    } else {
      std::printf("%7.3f\n", row.against_own);
    }
  }
  std::printf(
      "\nx own: multiply against its own largest burst, check against multiply at equal "
      "lanes.\n");
}

int list_kernels() {
  for (const std::string& name : native_kernels()) {
    std::printf("%s %zu\n", name.c_str(), crypto::select_x25519_kernel(name)->vector_lanes);
  }
  return 0;
}

int call_only(const std::vector<X25519Contender>& contenders, const Arguments& arguments) {
  for (const X25519Contender& contender : contenders) {
    if (contender.name != arguments.only) continue;
    for (std::size_t i = 0; i < arguments.calls; ++i) contender.call();
    return 0;
  }
  static_cast<void>(
      std::fprintf(stderr, "x25519_compare: no contender \"%s\"\n", arguments.only.c_str()));
  return 2;
}

int run(int argc, char** argv) {
  CLI::App app(kAbout, "x25519_compare");
  Arguments arguments;
  declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (arguments.list_kernels) return list_kernels();
  if (!arguments.only.empty()) arguments.lanes.resize(1);
  const auto contenders = make_x25519_contenders(arguments.kernels, arguments.lanes);
  if (!arguments.only.empty()) return call_only(contenders, arguments);
  if (!pin_to_cpu(arguments.cpu)) {
    static_cast<void>(
        std::fprintf(stderr, "x25519_compare: may not run on CPU %u\n", arguments.cpu));
    return 1;
  }
  QuietClock clock;
  const std::vector<Row> rows = measure(contenders, arguments, clock);
  if (arguments.as_json) {
    std::printf("%s\n", to_json(rows, clock, arguments).dump(1).c_str());
  } else {
    print_table(rows, arguments);
  }
  return 0;
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  return pssst::bench::run(argc, argv);
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "x25519_compare: %s\n", error.what()));
  return 1;
}
