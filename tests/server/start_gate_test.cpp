#include "server/start_gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pssst::server {
namespace {

TEST(StartGate, OpensWhenAllHaveReported) {
  StartGate gate;
  EXPECT_TRUE(gate.wait(0));
  std::atomic<int> reported = 0;
  std::thread worker([&] {
    for (int i = 0; i < 3; ++i) {
      ++reported;
      gate.report({});
    }
  });
  EXPECT_TRUE(gate.wait(3));
  EXPECT_EQ(reported, 3);
  worker.join();
}

TEST(StartGate, TellsTheFirstFailureAfterAllHaveReported) {
  StartGate gate;
  gate.report({});
  gate.report(base::fail("first"));
  gate.report(base::fail("second"));
  const auto started = gate.wait(3);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().what, "first");
}

}  // namespace
}  // namespace pssst::server
