#include "server/handler/answer_queue.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <thread>
#include <vector>

namespace pssst::server {
namespace {

using Put = AnswerQueue::Put;

TEST(AnswerQueue, GivesAnswersInTheirOrder) {
  AnswerQueue queue;
  EXPECT_FALSE(queue.front());
  const std::vector<std::uint8_t> reply{1, 2, 3};
  EXPECT_EQ(queue.put({.token = 1, .handler = 7, .has_reply = true, .reply = reply}), Put::kDone);
  EXPECT_EQ(queue.put({.token = 2, .drop = DropReason::kHandlerUnavailable}), Put::kDone);
  const auto first = queue.front();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->token, 1U);
  EXPECT_EQ(first->handler, 7U);
  EXPECT_EQ(first->drop, DropReason::kNone);
  EXPECT_TRUE(first->has_reply);
  EXPECT_EQ(std::vector<std::uint8_t>(first->reply.begin(), first->reply.end()), reply);
  queue.pop();
  EXPECT_EQ(first->reply[0], 0) << "not wiped";
  const auto second = queue.front();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->token, 2U);
  EXPECT_FALSE(second->has_reply);
  EXPECT_EQ(second->drop, DropReason::kHandlerUnavailable);
  queue.pop();
  EXPECT_FALSE(queue.front());
}

TEST(AnswerQueue, SaysWhenItIsFullAndWhenNobodyTakes) {
  AnswerQueue queue;
  for (int lap = 0; lap < 3; ++lap) {
    for (std::size_t i = 0; i < AnswerQueue::kSlots; ++i) {
      ASSERT_EQ(queue.put({.token = i + 1}), Put::kDone);
    }
    EXPECT_EQ(queue.put({.token = 9}), Put::kFull);
    queue.pop();
    EXPECT_EQ(queue.put({.token = AnswerQueue::kSlots + 1}), Put::kDone);
    EXPECT_EQ(queue.put({.token = 9}), Put::kFull);
    for (std::size_t i = 2; i <= AnswerQueue::kSlots + 1; ++i) {
      ASSERT_EQ(queue.front()->token, i);
      queue.pop();
    }
    EXPECT_FALSE(queue.front());
  }
  queue.close();
  EXPECT_EQ(queue.put({.token = 1}), Put::kClosed);
}

/// Each of several threads puts numbers in order, and retries when the queue is full.
TEST(AnswerQueue, LosesNothingAmongThreads) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 20000;
  AnswerQueue queue;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&queue, thread] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        std::array<std::uint8_t, 16> reply;
        std::memcpy(reply.data(), &thread, 8);
        std::memcpy(reply.data() + 8, &i, 8);
        while (queue.put({.token = i, .handler = thread, .has_reply = true, .reply = reply}) ==
               Put::kFull) {
          std::this_thread::yield();
        }
      }
    });
  }
  std::map<std::uint64_t, std::uint64_t> last;
  for (std::uint64_t taken = 0; taken < kThreads * kEach;) {
    const auto answer = queue.front();
    if (!answer) {
      std::this_thread::yield();
      continue;
    }
    std::uint64_t thread = 0;
    std::uint64_t number = 0;
    ASSERT_EQ(answer->reply.size(), 16U);
    std::memcpy(&thread, answer->reply.data(), 8);
    std::memcpy(&number, answer->reply.data() + 8, 8);
    EXPECT_EQ(answer->handler, thread);
    EXPECT_EQ(answer->token, number);
    ASSERT_EQ(number, ++last[thread]);
    queue.pop();
    ++taken;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(queue.front());
}

}  // namespace
}  // namespace pssst::server
