#include "server/self_request.hpp"

#include <gtest/gtest.h>

#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

TEST(SelfRequest, PassesTheChecksOfItsService) {
  const auto own = SelfRequest::create();
  ASSERT_TRUE(own) << own.error().to_string();
  const Service& service = (*own)->service();
  const Admitted admitted = admit((*own)->request(), service.policy, service.keys);
  EXPECT_EQ(admitted.key, &service.keys.front());
  EXPECT_EQ(service.slot, telemetry::kSelfServiceSlot);
  EXPECT_EQ(service.udp_port, 0);
}

TEST(SelfRequest, OnlyOneReplyIsRight) {
  const PrivateKey key = PrivateKey::generate();
  const Bytes reply{1, 2, 3};
  const SelfRequest own(make_service(0, "echo", key), Bytes(60), reply);
  EXPECT_TRUE(own.is_right(reply));
  EXPECT_FALSE(own.is_right({}));
  EXPECT_FALSE(own.is_right(Bytes{1, 2, 2}));
  EXPECT_FALSE(own.is_right(Bytes{1, 2, 3, 0}));
}

/// At a worker.
class SelfRequestTest : public WorkerTest {
 protected:
  explicit SelfRequestTest(WorkerSettings settings = {}) : WorkerTest(std::move(settings)) {}
  [[nodiscard]] const telemetry::SelfRequestCounters& counters() const {
    return worker_->counters().self_requests;
  }
};

TEST_F(SelfRequestTest, IsAnsweredOnceASecondAndInNoBook) {
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_EQ(counters().right.read(), 1U);
  EXPECT_NE(counters().last_right_tsc.read(), 0U);
  EXPECT_FALSE(worker_->poll_once());
  EXPECT_EQ(counters().right.read(), 1U);
  const std::uint64_t begin = base::read_tsc();
  while (base::read_tsc() - begin < kSelfRequestSeconds * base::tsc_hz()) {
  }
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_EQ(counters().right.read(), 2U);
  EXPECT_EQ(counters().wrong.read(), 0U);

  const Books kept = books();
  EXPECT_EQ(kept.datagrams + kept.replied + kept.bursts + kept.lanes + kept.admitted_unknown, 0U);
  EXPECT_EQ(worker_->counters().suites[0].requests.read(), 0U);
  for (std::size_t i = 0; i < telemetry::kServicesMax; ++i) {
    EXPECT_EQ(worker_->counters().services()[i].requests.read(), 0U);
  }
  for (const telemetry::KeyCounters& key : worker_->counters().keys()) {
    EXPECT_EQ(key.requests.read(), 0U);
  }
  for (const telemetry::Histogram& stage : worker_->counters().stages) {
    EXPECT_EQ(stage.read_ticks(), 0U);
  }
}

TEST_F(SelfRequestTest, StandsBesideAFullBurst) {
  put_junk(3 * worker_->burst_limit(), MemoryPort::source(192, 0, 2));
  Call echo = call(kEchoPort, {1, 2, 3});
  poll_all();
  EXPECT_EQ(counters().right.read(), 1U);
  EXPECT_TRUE(replied(echo, {1, 2, 3}));
  EXPECT_EQ(drops(DropReason::kTag), 3 * worker_->burst_limit());
}

class WrongSelfRequestTest : public SelfRequestTest {
 protected:
  WrongSelfRequestTest() : SelfRequestTest(damaged()) {}

  static WorkerSettings damaged() {
    const auto good = SelfRequest::create();
    const PrivateKey other = PrivateKey::generate();
    WorkerSettings settings;
    settings.self_request = std::make_shared<const SelfRequest>(
        make_service(0, "echo", other), Bytes((*good)->request().begin(), (*good)->request().end()),
        Bytes(74));
    return settings;
  }
};

TEST_F(WrongSelfRequestTest, IsCounted) {
  Call echo = call(kEchoPort, {1, 2, 3});
  poll_all();
  EXPECT_EQ(counters().right.read(), 0U);
  EXPECT_EQ(counters().wrong.read(), 1U);
  EXPECT_EQ(counters().last_right_tsc.read(), 0U);
  EXPECT_TRUE(replied(echo, {1, 2, 3}));
}

}  // namespace
}  // namespace pssst::server
