/// Google Benchmark over every X25519 implementation: its own filters and formats
/// (--benchmark_filter, --benchmark_format). For comparisons on a noisy machine x25519_compare is
/// the better tool: it takes turns.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "crypto/x25519_contenders.hpp"

namespace pssst::bench {
namespace {

constexpr std::array<std::size_t, 7> kLanes{1, 2, 4, 8, 16, 32, 64};

class ContenderBenchmark final : public benchmark::Fixture {
 public:
  explicit ContenderBenchmark(const X25519Contender& contender) : contender_(contender) {
    const std::string lanes = contender.kernel.empty() ? "" : "/" + std::to_string(contender.lanes);
    SetName((contender.name + lanes).c_str());
    Unit(benchmark::kMicrosecond);
  }

 protected:
  void BenchmarkCase(benchmark::State& state) override {
    while (state.KeepRunning()) contender_.call();
    state.SetItemsProcessed(state.iterations() *
                            static_cast<benchmark::IterationCount>(contender_.lanes));
  }

 private:
  const X25519Contender& contender_;
};

void run() {
  const auto contenders = make_x25519_contenders(native_kernels(), kLanes);
  for (const X25519Contender& contender : contenders) {
    // The library deletes it.
    benchmark::internal::RegisterBenchmarkInternal(new ContenderBenchmark(contender));
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  pssst::bench::run();
  benchmark::Shutdown();
  return 0;
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "x25519_bench: %s\n", error.what()));
  return 1;
}
