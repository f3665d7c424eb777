// A generator against a server in memory that drops, doubles, delays and stalls as told.
#include "tools/load/generator.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <set>

#include "tools/load/echo_server.hpp"

namespace pssst::tools::load {
namespace {

using test::Bytes;
using test::EchoServer;

/// Sends to an EchoServer and receives its replies.
class MemoryPort {
 public:
  explicit MemoryPort(EchoServer& server) : server_(server) {}

  std::size_t send(std::span<const net::Outgoing> outgoing) noexcept {
    const std::size_t count = std::min(outgoing.size(), room);
    for (std::size_t i = 0; i < count; ++i) {
      Bytes request(outgoing[i].data, outgoing[i].data + outgoing[i].size);
      const Bytes reply = server_.reply(request);
      const std::size_t copies = reply.empty() ? 0 : copies_of(seen.size());
      for (std::size_t k = 0; k < copies; ++k)
        replies_.push_back({monotonic_ns() + delay_ns, reply});
      seen.push_back(std::move(request));
    }
    return count;
  }
  std::size_t receive(std::span<net::Datagram> received) noexcept {
    const std::uint64_t now = monotonic_ns();
    if (now < silent_until_ns) return 0;
    held_.clear();
    while (!replies_.empty() && replies_.front().at_ns <= now && held_.size() < received.size()) {
      held_.push_back(std::move(replies_.front().bytes));
      replies_.pop_front();
    }
    for (std::size_t i = 0; i < held_.size(); ++i) received[i] = test::as_datagram(held_[i]);
    return held_.size();
  }
  void wait(std::chrono::nanoseconds) noexcept {}
  [[nodiscard]] const net::ClientPortCounters& counters() const noexcept { return counters_; }

  std::function<std::size_t(std::size_t)> copies_of = [](std::size_t) { return 1; };
  std::uint64_t delay_ns = 0;
  std::uint64_t silent_until_ns = 0;
  std::size_t room = 1000;  ///< datagrams a send() takes
  std::vector<Bytes> seen;

 private:
  struct Waiting {
    std::uint64_t at_ns;
    Bytes bytes;
  };
  EchoServer& server_;
  std::deque<Waiting> replies_;
  std::vector<Bytes> held_;
  net::ClientPortCounters counters_;
};

class GeneratorTest : public testing::Test {
 protected:
  void make(GeneratorSettings settings, std::size_t pool_size, std::size_t good) {
    pool_ = std::make_unique<RequestPool>(*maker_, PoolSettings{.size = pool_size,
                                                                .message_sizes = {{16, 1}},
                                                                .authenticated_share = 0,
                                                                .expectation = {}});
    pool_->make_all();
    settings.good = good;
    settings.outstanding_max = 4096;
    generator_ = std::make_unique<Generator<MemoryPort>>(settings, port_, *pool_, hostile_.get(),
                                                         nullptr, *results_, stop_);
  }
  static Phase measured(std::uint64_t count) {
    Phase phase;
    phase.start_ns = monotonic_ns();
    phase.count = count;
    phase.is_measured = true;
    return phase;
  }
  [[nodiscard]] std::size_t distinct_requests() const {
    return std::set<Bytes>(port_.seen.begin(), port_.seen.end()).size();
  }
  [[nodiscard]] CounterValues values() const { return results_->counters.read(); }

  EchoServer server_;
  std::unique_ptr<protocol::RequestMaker> maker_ = server_.make_maker();
  MemoryPort port_{server_};
  std::unique_ptr<RequestPool> pool_;
  std::unique_ptr<HostilePool> hostile_;
  std::unique_ptr<GeneratorResults> results_ = std::make_unique<GeneratorResults>();
  std::atomic<bool> stop_{false};
  std::unique_ptr<Generator<MemoryPort>> generator_;
};

TEST_F(GeneratorTest, ClosedLoopKeepsItsWindowAndItsCount) {
  make({.verify_every = 1}, 64, 64);
  Phase phase = measured(500);
  phase.window = 10;
  generator_->run(phase);
  generator_->drain();
  EXPECT_EQ(values().sent, 500u);
  EXPECT_EQ(values().answered, 500u);
  EXPECT_EQ(values().verified, 500u);
  EXPECT_EQ(results_->latency.snapshot().count(), 500u);
  EXPECT_EQ(distinct_requests(), 64u) << "the pool is sent again and again";
  EXPECT_TRUE(values().balanced());
}

TEST_F(GeneratorTest, AnUnansweredWindowWaitsForTheTimeout) {
  port_.copies_of = [](std::size_t) { return 0; };
  make({.timeout_ns = 5'000'000}, 64, 64);
  Phase phase = measured(20);
  phase.window = 10;
  const std::uint64_t start = monotonic_ns();
  generator_->run(phase);
  generator_->drain();
  EXPECT_GE(monotonic_ns() - start, 10'000'000u);
  EXPECT_EQ(values().sent, 20u);
  EXPECT_EQ(values().lost, 20u);
  EXPECT_TRUE(values().balanced());
}

TEST_F(GeneratorTest, OpenLoopSendsAllThatIsDue) {
  make({}, 256, 256);
  Phase phase = measured(UINT64_MAX);
  phase.rate = 20'000;
  phase.duration_ns = 100'000'000;
  generator_->run(phase);
  generator_->drain();
  EXPECT_EQ(values().sent + values().unsent, 2000u);
  EXPECT_EQ(values().answered + values().lost, values().sent);
  EXPECT_EQ(results_->send_delay.snapshot().count(), values().sent);
}

// The server says nothing for 100 ms. Requests due meanwhile count from when they were due, also
// those that this generator, busy as a closed loop would be, could not have sent yet.
TEST_F(GeneratorTest, AStallShowsInTheLatencyOfAllThatWereDueMeanwhile) {
  make({}, 2048, 2048);
  Phase phase = measured(UINT64_MAX);
  phase.rate = 5'000;
  phase.duration_ns = 200'000'000;
  port_.silent_until_ns = phase.start_ns + 100'000'000;
  generator_->run(phase);
  generator_->drain();
  const HistogramSnapshot latency = results_->latency.snapshot();
  EXPECT_EQ(latency.count() + values().unsent, 1000u);
  // Half of them were due during the stall, evenly: their latencies go from 100 ms down to 0.
  EXPECT_GE(latency.percentile(0.99), 95'000'000u);
  EXPECT_GE(latency.percentile(0.75), 40'000'000u);
  EXPECT_GE(latency.max(), 99'000'000u);
}

TEST_F(GeneratorTest, APortThatTakesFewerIsAskedAgain) {
  port_.room = 3;
  make({}, 64, 64);
  Phase phase = measured(100);
  phase.window = 32;
  generator_->run(phase);
  generator_->drain();
  EXPECT_EQ(values().answered, 100u);
  EXPECT_GT(values().held_back, 0u);
  // Nothing was passed over: the pool was sent in order.
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_TRUE(std::ranges::equal(port_.seen[i], pool_->datagram(i))) << i;
  }
}

TEST_F(GeneratorTest, FreshRequestsAreNeverSentTwice) {
  make({.fresh = true, .verify_every = 1}, 40, 40);
  Phase phase = measured(300);
  phase.window = 16;
  generator_->run(phase);
  generator_->drain();
  EXPECT_EQ(values().answered, 300u);
  EXPECT_EQ(distinct_requests(), 300u);
}

TEST_F(GeneratorTest, CountsDuplicatesAndLosses) {
  port_.copies_of = [](std::size_t i) { return i % 10 == 0 ? 2 : i % 10 == 1 ? 0 : 1; };
  make({.timeout_ns = 200'000'000}, 512, 512);
  Phase phase = measured(100);
  phase.window = 50;
  generator_->run(phase);
  generator_->drain();
  generator_->linger(1'000'000);
  EXPECT_EQ(values().answered, 90u);
  EXPECT_EQ(values().lost, 10u);
  EXPECT_EQ(values().duplicates, 10u);
  EXPECT_TRUE(values().balanced());
}

TEST_F(GeneratorTest, HostileTrafficKeepsItsShareAndIsToldApart) {
  auto maker = HostileMaker::create(server_.public_key());
  ASSERT_TRUE(maker);
  HostileWeights weights{};
  weights[static_cast<std::size_t>(HostileKind::kSmallOrder)] = 1;
  weights[static_cast<std::size_t>(HostileKind::kReplay)] = 1;
  // Replays are requests of the pool beyond the good ones.
  make({}, 66, 64);
  std::vector<Bytes> replays;
  for (std::size_t i = 64; i < 66; ++i) {
    replays.emplace_back(pool_->datagram(i).begin(), pool_->datagram(i).end());
  }
  hostile_ = std::make_unique<HostilePool>(**maker, weights, std::vector<WeightedSize>{{16, 1}}, 8,
                                           replays);
  generator_ = std::make_unique<Generator<MemoryPort>>(
      GeneratorSettings{.good = 64, .outstanding_max = 64}, port_, *pool_, hostile_.get(), nullptr,
      *results_, stop_);
  Phase phase = measured(200);
  phase.window = 8;
  phase.hostile_per_good = 3;
  generator_->run(phase);
  generator_->drain();
  generator_->linger(1'000'000);
  EXPECT_EQ(values().sent, 200u);
  EXPECT_EQ(values().answered, 200u);
  EXPECT_NEAR(static_cast<double>(values().hostile_sent_total()), 600, 32);
  EXPECT_EQ(values().hostile_answered,
            values().hostile_sent[static_cast<std::size_t>(HostileKind::kReplay)]);
  EXPECT_TRUE(values().balanced());
}

TEST_F(GeneratorTest, ProbesUntilAnswered) {
  port_.copies_of = [](std::size_t i) { return i == 0 ? 0 : 1; };
  make({}, 8, 8);
  EXPECT_TRUE(generator_->probe(5'000'000'000));
  EXPECT_EQ(port_.seen.size(), 2u);
  port_.copies_of = [](std::size_t) { return 0; };
  EXPECT_FALSE(generator_->probe(10'000'000));
}

TEST_F(GeneratorTest, StopsWhenTold) {
  make({}, 8, 8);
  stop_ = true;
  Phase phase = measured(UINT64_MAX);
  phase.window = 4;
  generator_->run(phase);
  generator_->drain();
  EXPECT_EQ(values().sent, 0u);
}

}  // namespace
}  // namespace pssst::tools::load
