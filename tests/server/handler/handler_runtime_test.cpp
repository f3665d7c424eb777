#include "server/handler/handler_runtime.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/cpus.hpp"
#include "server/handler/later_token.hpp"
#include "server/libraries/test_libraries.hpp"

namespace pssst::server {
namespace {

/// Counts what it is asked, and how many of it there are.
class CountingHandler final : public AttachedHandler {
 public:
  CountingHandler(std::size_t workers, std::atomic<int>& alive)
      : AttachedHandler(workers), alive_(alive) {
    ++alive_;
  }
  CountingHandler(const CountingHandler&) = delete;
  CountingHandler& operator=(const CountingHandler&) = delete;
  ~CountingHandler() override { --alive_; }
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage>) const noexcept override {}

 private:
  bool start_worker(std::size_t) const noexcept override { return true; }
  void finish_worker(std::size_t) const noexcept override {}

  std::atomic<int>& alive_;
  HandlerTraits traits_{.name = "counting"};
};

class HandlerRuntimeTest : public testing::Test {
 protected:
  std::shared_ptr<const AttachedHandler> attach(HandlerRuntime& runtime) {
    auto attached = runtime.attach(std::make_unique<CountingHandler>(runtime.workers(), alive_));
    EXPECT_TRUE(attached) << attached.error().to_string();
    return *std::move(attached);
  }

  std::atomic<int> alive_{0};
};

TEST_F(HandlerRuntimeTest, DestroysAHandlerThatNobodyHas) {
  HandlerRuntime runtime({0});
  auto handler = attach(runtime);
  EXPECT_EQ(handler->place(), 0U);
  EXPECT_EQ(runtime.attached(), 1U);
  handler.reset();
  EXPECT_TRUE(eventually([&] { return alive_ == 0 && runtime.attached() == 0; }));
  EXPECT_EQ(attach(runtime)->place(), 0U);
}

TEST_F(HandlerRuntimeTest, KeepsAHandlerUntilItsWorkersHaveFinishedIt) {
  HandlerRuntime runtime({0, 0});
  auto handler = attach(runtime);
  const AttachedHandler* const used = handler.get();
  EXPECT_TRUE(used->start(0));
  EXPECT_TRUE(used->start(1));
  handler.reset();
  used->finish(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(alive_, 1);
  used->finish(0);
  EXPECT_TRUE(eventually([&] { return alive_ == 0; }));
}

TEST_F(HandlerRuntimeTest, DestroysWhatIsLeftAtItsEnd) {
  {
    HandlerRuntime runtime({0});
    auto handler = attach(runtime);
    EXPECT_TRUE(handler->start(0));
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(HandlerRuntimeTest, HasSoManyPlacesAndNoMore) {
  HandlerRuntime runtime({0});
  std::vector<std::shared_ptr<const AttachedHandler>> handlers;
  for (std::size_t i = 0; i < HandlerRuntime::kHandlersMax; ++i) {
    handlers.push_back(attach(runtime));
    EXPECT_EQ(handlers.back()->place(), i);
  }
  const auto refused = runtime.attach(std::make_unique<CountingHandler>(1, alive_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "more than 256 handlers that are not built in");
  handlers[100].reset();
  EXPECT_TRUE(eventually([&] { return alive_ == HandlerRuntime::kHandlersMax - 1; }));
  EXPECT_TRUE(eventually([&] {
    auto attached = runtime.attach(std::make_unique<CountingHandler>(1, alive_));
    if (!attached) return false;
    handlers[100] = *std::move(attached);
    return handlers[100]->place() == 100;
  }));
}

TEST_F(HandlerRuntimeTest, WithoutRoomForLaterRepliesNoHandlerThatGivesThem) {
  Probe probe;
  HandlerRuntime runtime({0});
  auto made = LibraryHandler::create(probe_settings(probe), &runtime);
  ASSERT_TRUE(made);
  const auto refused = runtime.attach(*std::move(made));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "it answers later, and the server was started without such handlers");
  EXPECT_EQ(probe.seen(), (std::vector<std::string>{"init", "fini"}));
  EXPECT_EQ(runtime.answer({.token = LaterToken{0, 0, 1}.pack()}), PSSST_NO_SUCH_TOKEN);
}

TEST_F(HandlerRuntimeTest, ThreadsOfHandlersRunOffTheWorkersCpus) {
  const std::vector<unsigned> all = allowed_cpus();
  {
    HandlerRuntime runtime({all.front()});
    const HandlerRuntime::OffWorkers off(runtime);
    const std::vector<unsigned> others(all.begin() + 1, all.end());
    EXPECT_EQ(allowed_cpus(), others.empty() ? all : others);
  }
  EXPECT_EQ(allowed_cpus(), all);
  HandlerRuntime runtime(all);
  const HandlerRuntime::OffWorkers off(runtime);
  EXPECT_EQ(allowed_cpus(), all);
}

}  // namespace
}  // namespace pssst::server
