#include "base/quiescence.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace pssst::base {
namespace {

TEST(Quiescence, WithoutReadersNothingIsWaitedFor) {
  Quiescence readers(0);
  readers.wait();
  EXPECT_TRUE(readers.passed(readers.begin()));
}

TEST(Quiescence, EveryReaderMustHavePassedSince) {
  Quiescence readers(2);
  const std::uint64_t first = readers.begin();
  EXPECT_FALSE(readers.passed(first));
  readers.pass(0);
  EXPECT_FALSE(readers.passed(first));
  readers.pass(1);
  EXPECT_TRUE(readers.passed(first));
  const std::uint64_t second = readers.begin();
  EXPECT_FALSE(readers.passed(second));
  EXPECT_TRUE(readers.passed(first));
  readers.pass(1);
  readers.pass(0);
  EXPECT_TRUE(readers.passed(second));
}

TEST(Quiescence, OneGracePeriodEndsAllBefore) {
  Quiescence readers(1);
  const std::uint64_t first = readers.begin();
  const std::uint64_t second = readers.begin();
  EXPECT_NE(first, second);
  readers.pass(0);
  EXPECT_TRUE(readers.passed(first) && readers.passed(second));
}

TEST(Quiescence, WhoHasLeftIsNotWaitedFor) {
  Quiescence readers(2);
  readers.leave(1);
  const std::uint64_t grace_period = readers.begin();
  EXPECT_FALSE(readers.passed(grace_period));
  readers.pass(0);
  EXPECT_TRUE(readers.passed(grace_period));
  readers.leave(0);
  readers.wait();
}

TEST(Quiescence, WhatAReaderTookLivesUntilItPasses) {
  constexpr int kValues = 2000;
  Quiescence readers(2);
  std::atomic<const int*> shared = new int(0);
  std::atomic<bool> stop = false;
  std::atomic<bool> failed = false;
  std::vector<std::thread> threads;
  for (std::size_t reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      int last = 0;
      while (!stop) {
        readers.pass(reader);
        const int* const value = shared.load(std::memory_order_acquire);
        const int first = *value;
        for (int i = 0; i < 50; ++i) {
          if (*value != first) failed = true;
        }
        if (first < last) failed = true;
        last = first;
      }
      readers.leave(reader);
    });
  }
  for (int i = 1; i <= kValues; ++i) {
    const int* const old = shared.exchange(new int(i));
    readers.wait();
    // What readers still used would now read as something else.
    *const_cast<int*>(old) = -1;
    delete old;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  delete shared.load();
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace pssst::base
