#include "server/published.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace pssst::server {
namespace {

/// Counts how many of it live, and cannot be read once it is gone.
class Value {
 public:
  Value(int number, std::atomic<int>& alive) : number_(number), alive_(alive) { ++alive_; }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() {
    number_ = -1;
    --alive_;
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
  std::atomic<int>& alive_;
};

TEST(Published, ReadersSeeTheNewestValue) {
  std::atomic<int> alive = 0;
  {
    Published<Value> published(std::make_unique<const Value>(1, alive), 1);
    EXPECT_EQ(published.read(0).number(), 1);
    EXPECT_EQ(published.read(0).number(), 1);
    published.leave(0);
    published.publish(std::make_unique<const Value>(2, alive));
    EXPECT_EQ(published.current().number(), 2);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Published, TheOldValueLivesUntilEveryReaderHasMovedOn) {
  std::atomic<int> alive = 0;
  Published<Value> published(std::make_unique<const Value>(1, alive), 2);
  const Value& used_by_1 = published.read(1);
  static_cast<void>(published.read(0));
  std::atomic<bool> done = false;
  std::thread publisher([&] {
    published.publish(std::make_unique<const Value>(2, alive));
    done = true;
  });
  while (published.read(0).number() != 2) std::this_thread::yield();
  // Reader 0 has moved on; reader 1 still holds the first value.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(done);
  EXPECT_EQ(used_by_1.number(), 1);
  EXPECT_EQ(alive, 2);
  EXPECT_EQ(published.read(1).number(), 2);
  // Readers go on reading: one pass may have come before the publisher began to wait for it.
  while (!done) {
    static_cast<void>(published.read(0));
    static_cast<void>(published.read(1));
  }
  publisher.join();
  EXPECT_EQ(alive, 1);
}

TEST(Published, AReaderThatHasNotYetReadIsWaitedFor) {
  std::atomic<int> alive = 0;
  Published<Value> published(std::make_unique<const Value>(1, alive), 1);
  std::atomic<bool> done = false;
  std::thread publisher([&] {
    published.publish(std::make_unique<const Value>(2, alive));
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(done);
  published.leave(0);
  publisher.join();
  EXPECT_TRUE(done);
}

TEST(Published, ReadersNeverSeeAFreedOrAnOlderValue) {
  constexpr int kValues = 200;
  constexpr std::size_t kReaders = 3;
  std::atomic<int> alive = 0;
  std::atomic<bool> failed = false;
  Published<Value> published(std::make_unique<const Value>(0, alive), kReaders);
  std::vector<std::thread> readers;
  for (std::size_t reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      int last = 0;
      while (last < kValues) {
        const Value& value = published.read(reader);
        const int number = value.number();
        if (number < last) failed = true;
        last = number;
        for (int i = 0; i < 100; ++i) {
          if (value.number() != number) failed = true;
        }
      }
      published.leave(reader);
    });
  }
  for (int i = 1; i <= kValues; ++i) {
    published.publish(std::make_unique<const Value>(i, alive));
    EXPECT_EQ(alive, 1);
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace pssst::server
