#include "server/health_monitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tsc.hpp"

namespace pssst::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class HealthMonitorTest : public testing::Test {
 protected:
  HealthMonitorTest() {
    for (telemetry::WorkerCounters& worker : workers_) answer_own_request(worker, 0);
  }

  /// A right self-request so many seconds ago.
  static void answer_own_request(telemetry::WorkerCounters& worker, std::uint64_t age_seconds) {
    worker.self_requests.last_right_tsc.set(base::read_tsc() - age_seconds * base::tsc_hz());
  }

  const HealthMonitor::Clock::time_point start_{1h};
  net::PortCounters port_;
  std::array<telemetry::WorkerCounters, 2> workers_;
  HealthMonitor monitor_{{{2, &port_, workers_.data()}, {5, &port_, &workers_[1]}}, start_};
};

TEST_F(HealthMonitorTest, IsWellWhileAllLoopsTurn) {
  for (int second = 1; second < 10; ++second) {
    for (telemetry::WorkerCounters& worker : workers_) worker.loops.add(1);
    monitor_.look(start_ + second * 1s);
    EXPECT_TRUE(monitor_.all_advance(start_ + second * 1s));
    EXPECT_THAT(monitor_.problems(start_ + second * 1s), IsEmpty());
  }
}

TEST_F(HealthMonitorTest, NamesAWorkerWhoseLoopStands) {
  workers_[0].loops.add(1);
  monitor_.look(start_ + 2s);
  EXPECT_TRUE(monitor_.all_advance(start_ + 2s));
  workers_[0].loops.add(1);
  monitor_.look(start_ + 3s);
  EXPECT_FALSE(monitor_.all_advance(start_ + 3s));
  EXPECT_THAT(monitor_.problems(start_ + 3s),
              ElementsAre("worker on CPU 5: its loop has not turned for 3 s"));
  workers_[1].loops.add(1);
  monitor_.look(start_ + 4s);
  EXPECT_TRUE(monitor_.all_advance(start_ + 4s));
  EXPECT_THAT(monitor_.problems(start_ + 4s), IsEmpty());
}

TEST_F(HealthMonitorTest, NamesAWorkerWhoseOwnRequestsFail) {
  answer_own_request(workers_[0], 4);
  EXPECT_THAT(monitor_.problems(start_), IsEmpty());
  answer_own_request(workers_[0], 7);
  workers_[1].self_requests.last_right_tsc.set(0);
  EXPECT_THAT(monitor_.problems(start_),
              ElementsAre("worker on CPU 2: no request of its own was answered right for 7 s",
                          "worker on CPU 5: no request of its own was answered right yet"));
  EXPECT_TRUE(monitor_.all_advance(start_)) << "it turns, though it answers wrong";
}

}  // namespace
}  // namespace pssst::server
