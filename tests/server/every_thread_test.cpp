#include "server/every_thread.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>
#include <vector>

namespace pssst::server {
namespace {

std::atomic<int> calls;
std::atomic<pid_t> failing;

int count() noexcept {
  ++calls;
  return gettid() == failing ? EPERM : 0;
}

class EveryThread : public testing::Test {
 protected:
  EveryThread() {
    calls = 0;
    failing = 0;
    for (int i = 0; i < 3; ++i) {
      threads_.emplace_back([this] {
        last_ = gettid();
        ++started_;
        while (!done_) usleep(1000);
      });
    }
    while (started_ < 3) usleep(1000);
  }
  ~EveryThread() override {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

  std::atomic<bool> done_{false};
  std::atomic<int> started_{0};
  std::atomic<pid_t> last_{0};
  std::vector<std::thread> threads_;
};

TEST_F(EveryThread, RunsOnceOnEach) {
  ASSERT_TRUE(on_every_thread(count, "counting"));
  EXPECT_EQ(calls, 4);
  ASSERT_TRUE(on_every_thread(count, "counting again"));
  EXPECT_EQ(calls, 8);
}

TEST_F(EveryThread, OneFailureFailsAll) {
  failing = last_.load();
  const auto result = on_every_thread(count, "counting");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().to_string(), "counting: Operation not permitted");
}

TEST_F(EveryThread, NamesAThreadThatDoesNotAnswer) {
  std::atomic<bool> ready{false};
  std::thread deaf([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    ready = true;
    while (!done_) usleep(1000);
  });
  while (!ready) usleep(1000);
  const auto result = on_every_thread(count, "counting");
  done_ = true;
  deaf.join();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().what.find("does not answer"), std::string::npos);
}

}  // namespace
}  // namespace pssst::server
