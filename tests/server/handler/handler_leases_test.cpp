#include "server/handler/handler_leases.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "server/handler/typed_handler.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

using Events = std::vector<std::string>;

class HandlerLeasesTest : public testing::Test {
 protected:
  std::unique_ptr<const Snapshot> snapshot_of(std::shared_ptr<const Handler> handler) {
    Service service =
        make_service(7700, "echo", key_, ClientPolicy::kOptional, {}, {.suite = kSuiteF002});
    service.handler = std::move(handler);
    auto snapshot = Snapshot::create(services_of(std::move(service)), {});
    EXPECT_TRUE(snapshot) << snapshot.error().to_string();
    return *std::move(snapshot);
  }

  const PrivateKey key_ = PrivateKey::generate();
  Probe first_;
  Probe second_;
  HandlerRuntime runtime_{{0}, 4};
  std::array<std::uint32_t, HandlerRuntime::kHandlersMax> awaited_{};
  HandlerLeases leases_{0};
};

TEST_F(HandlerLeasesTest, StartsWhatASnapshotBringsAndFinishesWhatItTakes) {
  auto old = snapshot_of(attach_probe(first_, runtime_));
  ASSERT_EQ(old->attached().size(), 1U);
  EXPECT_TRUE(leases_.update(*old));
  EXPECT_TRUE(leases_.update(*old));
  EXPECT_EQ(first_.seen(), (Events{"init", "worker_init 0"}));
  const auto next = snapshot_of(attach_probe(second_, runtime_));
  EXPECT_TRUE(leases_.update(*next));
  EXPECT_EQ(second_.seen(), (Events{"init", "worker_init 0"}));
  leases_.finish_unused(awaited_);
  EXPECT_EQ(first_.seen(), (Events{"init", "worker_init 0", "worker_fini 0"}));
  old.reset();
  EXPECT_TRUE(eventually([&] { return first_.saw("fini"); }));
  leases_.finish_all();
  EXPECT_EQ(second_.seen(), (Events{"init", "worker_init 0", "worker_fini 0"}));
}

TEST_F(HandlerLeasesTest, ASnapshotThatLiesWhereTheOneBeforeLayIsAnother) {
  // A worker that is interrupted long enough meets only the second of two that are published.
  auto old = snapshot_of(attach_probe(first_, runtime_));
  EXPECT_TRUE(leases_.update(*old));
  const Snapshot* const place = old.get();
  old.reset();
  const auto handler = attach_probe(second_, runtime_);
  std::vector<std::unique_ptr<const Snapshot>> others;
  auto next = snapshot_of(handler);
  while (next.get() != place && others.size() < 1000) {
    others.push_back(std::move(next));
    next = snapshot_of(handler);
  }
  EXPECT_TRUE(leases_.update(*next));
  EXPECT_EQ(second_.seen(), (Events{"init", "worker_init 0"}));
  leases_.finish_all();
}

TEST_F(HandlerLeasesTest, WhatIsAwaitedKeepsAHandler) {
  auto old = snapshot_of(attach_probe(first_, runtime_));
  const std::size_t place = old->attached()[0]->place();
  EXPECT_TRUE(leases_.update(*old));
  const auto next = snapshot_of(attach_probe(second_, runtime_));
  EXPECT_TRUE(leases_.update(*next));
  old.reset();
  awaited_[place] = 1;
  leases_.finish_unused(awaited_);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(first_.seen(), (Events{"init", "worker_init 0"}));
  EXPECT_EQ(runtime_.attached(), 2U);
  awaited_[place] = 0;
  leases_.finish_unused(awaited_);
  EXPECT_TRUE(eventually([&] { return first_.saw("fini"); }));
  leases_.finish_all();
}

TEST_F(HandlerLeasesTest, AHandlerInBothSnapshotsGoesOn) {
  const auto handler = attach_probe(first_, runtime_);
  const auto old = snapshot_of(handler);
  const auto next = snapshot_of(handler);
  EXPECT_TRUE(leases_.update(*old));
  EXPECT_TRUE(leases_.update(*next));
  leases_.finish_unused(awaited_);
  EXPECT_EQ(first_.seen(), (Events{"init", "worker_init 0"}));
  leases_.finish_all();
}

TEST_F(HandlerLeasesTest, FindsHandlersAmongMessageTypes) {
  auto typed = std::make_shared<TypedHandler>();
  ASSERT_TRUE(typed->add(1, 1, *make_handler("time", {})));
  ASSERT_TRUE(typed->add(2, 2, attach_probe(first_, runtime_)));
  const auto snapshot = snapshot_of(typed);
  EXPECT_TRUE(leases_.update(*snapshot));
  EXPECT_TRUE(first_.saw("worker_init 0"));
  leases_.finish_all();
}

TEST_F(HandlerLeasesTest, SaysThatAHandlerCouldNotStart) {
  first_.worker_init_fails = true;
  const auto snapshot = snapshot_of(attach_probe(first_, runtime_));
  EXPECT_FALSE(leases_.update(*snapshot));
  leases_.finish_all();
  EXPECT_FALSE(first_.saw("worker_fini 0"));
}

}  // namespace
}  // namespace pssst::server
