/// A worker's second keys, and what it counts of keys, services and stages.
#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

/// The echo service has two keys of suite 1, and tries the second.
class SecondKeyTest : public WorkerTest {
 protected:
  SecondKeyTest() {
    std::vector<Service> services;
    services.push_back(make_service(kEchoPort, "echo", server_keys_.at(kEchoPort)));
    services[0].keys.emplace_back(second_);
    services[0].keys.emplace_back(f002_key_, kF002);
    services[0].try_second_key = true;
    auto next = Snapshot::create(std::move(services), {Identity{enrolled_.public_key()}});
    EXPECT_TRUE(next) << next.error().to_string();
    publish(std::move(*next));
  }

  Call call_second(const Bytes& message, const PrivateKey* key = nullptr) {
    Call made = seal_to(second_, {}, kEchoPort, message, key);
    put(made);
    return made;
  }
  [[nodiscard]] std::uint64_t requests_of_key(std::size_t i) {
    const Service& service = snapshots_->current().services()[0];
    return worker_->counters().keys()[service.key_slots[i]].requests.read();
  }

  const PrivateKey second_ = PrivateKey::generate();
};

TEST_F(SecondKeyTest, EitherKeyIsServedAndJunkIsDroppedOnce) {
  Call first = call(kEchoPort, {1});
  Call second = call_second({2});
  Call authenticated = call_second({3}, &enrolled_);
  put_junk(3, MemoryPort::source(10, 0, 0));
  EXPECT_TRUE(worker_->poll_once());
  EXPECT_TRUE(replied(first, {1}));
  EXPECT_EQ(books().pending, 5U);
  EXPECT_EQ(drops(DropReason::kTag), 0U);
  poll_all();
  EXPECT_TRUE(replied(second, {2}));
  EXPECT_TRUE(replied(authenticated, {3}));
  EXPECT_EQ(drops(DropReason::kTag), 3U);
  EXPECT_EQ(worker_->counters().services()[0].drops.read(DropReason::kTag), 3U);
  EXPECT_EQ(requests_of_key(0), 1U);
  EXPECT_EQ(requests_of_key(1), 2U);
  EXPECT_EQ(requests_of_key(2), 0U);
}

TEST_F(SecondKeyTest, AFloodOfJunkEndsAndTheBooksBalance) {
  Call second = call_second({2});
  for (int i = 0; i < 10; ++i) {
    put_junk(worker_->burst_limit(), MemoryPort::source(10, 0, 0));
    worker_->poll_once();
    EXPECT_TRUE(books().balanced());
  }
  poll_all();
  EXPECT_TRUE(replied(second, {2}));
  EXPECT_EQ(drops(DropReason::kTag) + drops(DropReason::kQueueFull), 10 * worker_->burst_limit());
}

TEST_F(WorkerTest, TimesItsStagesAndCountsDropsByService) {
  Call echo = call(kEchoPort, {1});
  put_junk(1, MemoryPort::source(10, 0, 0));
  poll_all();
  EXPECT_TRUE(replied(echo, {1}));
  const auto count = [&](telemetry::Stage stage) {
    std::uint64_t sum = 0;
    const auto& histogram = worker_->counters().stages.at(static_cast<std::size_t>(stage));
    for (std::size_t i = 0; i < telemetry::Histogram::kBuckets; ++i) {
      sum += histogram.read_bucket(i);
    }
    return sum;
  };
  EXPECT_EQ(count(telemetry::Stage::kQueue), 2U);
  for (const auto stage :
       {telemetry::Stage::kMultiply, telemetry::Stage::kOpen, telemetry::Stage::kProve,
        telemetry::Stage::kDispatch, telemetry::Stage::kSeal, telemetry::Stage::kTransmit}) {
    EXPECT_EQ(count(stage), books().bursts);
  }
  EXPECT_EQ(count(telemetry::Stage::kRequest), 1U);
  EXPECT_EQ(worker_->counters().services()[0].drops.read(DropReason::kTag), 1U);
  EXPECT_EQ(worker_->counters().services()[1].drops.read(DropReason::kTag), 0U);
}

}  // namespace
}  // namespace pssst::server
