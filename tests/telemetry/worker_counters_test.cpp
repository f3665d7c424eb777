#include "telemetry/worker_counters.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <thread>

namespace pssst::telemetry {
namespace {

TEST(WorkerCounters, StartAtZero) {
  const WorkerCounters counters;
  EXPECT_EQ(counters.services().size(), kServicesMax + 1);
  EXPECT_EQ(counters.keys().size(), kServerKeysMax);
  for (const ServiceCounters& service : counters.services()) {
    EXPECT_EQ(service.requests.read() + service.authenticated.read() + service.replied.read(), 0U);
  }
  EXPECT_EQ(counters.pending.read(), 0U);
  EXPECT_EQ(counters.drops.read(DropReason::kTag), 0U);
  EXPECT_EQ(counters.tsc_total.read(), 0U);
}

TEST(WorkerCounters, TwoWorkersShareNoCacheLine) {
  const auto one = std::make_unique<WorkerCounters>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one.get()) % 64, 0U);
  EXPECT_EQ(sizeof(WorkerCounters) % 64, 0U);
}

TEST(WorkerCounters, AScrapeSeesWhatTheWorkerCounts) {
  constexpr std::uint64_t kRequests = 100'000;
  WorkerCounters counters;
  std::thread worker([&] {
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      counters.services()[1].requests.add(1);
      counters.replied.add(1);
    }
  });
  std::uint64_t last = 0;
  while (last < kRequests) {
    const std::uint64_t replied = counters.replied.read();
    ASSERT_GE(replied, last);
    last = replied;
  }
  worker.join();
  EXPECT_EQ(counters.services()[1].requests.read(), kRequests);
  EXPECT_EQ(counters.services()[0].requests.read(), 0U);
}

}  // namespace
}  // namespace pssst::telemetry
