#include "tools/top/screen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace pssst::tools::top {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

void set_part(Part& part, std::uint64_t datagrams, std::uint64_t replied) {
  part.counts.set("datagrams", datagrams);
  part.counts.set("replied", replied);
}

Sample::Stage stage_of(std::string name, std::vector<std::uint64_t> counts) {
  Sample::Stage stage{.name = std::move(name), .count = 0, .buckets = {}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    stage.count += counts[i];
    stage.buckets.emplace_back(1e-6 * std::pow(10, static_cast<double>(i)), stage.count);
  }
  return stage;
}

/// After `n` seconds of the same work.
Sample sample_after(std::uint64_t n) {
  Sample sample;
  sample.version = "1.2.3";
  sample.x25519_kernel = "avx2";
  sample.clients = 12;
  sample.generation = 2;
  set_part(sample.total, 1000 * n, 900 * n);
  sample.total.counts.set("missed", 3 * n);
  sample.total.counts.set("bytes_in", 64'000 * n);
  sample.total.counts.set("bytes_out", 57'600 * n);
  sample.total.drops.set("tag", 4 * n);
  sample.total.drops.set("queue_full", 96 * n);
  sample.total.drops.set("padding", 7);  // some time before
  for (std::uint64_t cpu = 0; cpu < 2; ++cpu) {
    Sample::Worker worker;
    set_part(worker, 500 * n, 450 * n);
    worker.counts.set("lanes", 500 * n);
    worker.counts.set("bursts", 20 * n);
    worker.counts.set("tsc_total", 1000 * n);
    worker.counts.set("tsc_busy", (cpu + 1) * 250 * n);
    worker.counts.set("self_requests_wrong", cpu);
    worker.cpu = cpu;
    if (cpu == 0) worker.self_request_age_seconds = 0.25;
    sample.workers.push_back(worker);
  }
  Sample::Service meters;
  meters.name = "meters";
  meters.udp_port = 7700;
  meters.handler = "echo";
  meters.counts.set("requests", 800 * n);
  meters.counts.set("authenticated", 200 * n);
  meters.counts.set("replied", 800 * n);
  meters.drops.set("tag", 4 * n);
  meters.keys.push_back({.fingerprint = "0123456789abcdef",
                         .suite = "1",
                         .requests = 600 * n,
                         .last_use_age_seconds = 0.01});
  meters.keys.push_back({.fingerprint = "fedcba9876543210",
                         .suite = "0xF002",
                         .requests = 200 * n,
                         .last_use_age_seconds = 400});
  meters.keys.push_back({.fingerprint = "0000000000000000",
                         .suite = "1",
                         .requests = 0,
                         .last_use_age_seconds = std::nullopt});
  sample.services.push_back(meters);
  sample.stages.push_back(stage_of("queue", {800 * n, 0, 100 * n}));
  sample.stages.push_back(stage_of("multiply", {0, 0, 0}));
  Sample::Device device{.name = "net_tap0", .link_up = true, .counts = {}};
  device.counts.set("received_packets", 1100 * n);
  device.counts.set("sent_packets", 910 * n);
  device.counts.set("errors_in", 2 * n);
  device.counts.set("errors_out", 3 * n);
  sample.devices.push_back(device);
  return sample;
}

TEST(TopScreen, ShowsRates) {
  const auto lines = render(sample_after(10), sample_after(12), 2, {.width = 100, .height = 40});
  EXPECT_EQ(joined(lines),
            R"(pssst 1.2.3  avx2  12 clients  generation 2  ready

  REQUESTS/S    REPLIES/S      DROPS/S     MISSED/S    IN BYTE/S   OUT BYTE/S
       1.00k          900          100         3.00        64.0k        57.6k

WORKER  BUSY                     REQUESTS/S REPLIES/S LANES  SELF-REQUEST
CPU 0   [####            ]  25 %        500       450  25.0  0.2 s ago
CPU 1   [########        ]  50 %        500       450  25.0  none yet, 1 WRONG

SERVICE               PORT HANDLER      REQUESTS/S   AUTH/S REPLIES/S  DROPS/S
meters                7700 echo                800      200       800     4.00
  key 0123456789abcdef suite 1                 600   75.0 %  last use 0.0 s ago
  key fedcba9876543210 suite 0xF002            200   25.0 %  last use 6 min ago
  key 0000000000000000 suite 1                   0    0.0 %  last use never

STAGE          TIMES/S        P50        P99
queue              900     562 ns    91.9 us
multiply             0          -          -

DROPS                         /S
queue_full                  96.0  the worker's queue for this kind of source is full
tag                         4.00  GCM tag is wrong

DEVICE               LINK      IN/S     OUT/S  MISSED/S  ERRORS/S NO MBUF/S
net_tap0             up       1.10k       910         0      5.00         0
)");
}

TEST(TopScreen, ShowsSourcesLaterRepliesAndTheStoreWhereThereAreAny) {
  Sample before = sample_after(10);
  Sample after = sample_after(12);
  std::uint64_t n = 10;
  for (Sample* sample : {&before, &after}) {
    for (const auto& [name, rate] : {std::pair{"admitted_known", 700U},
                                     {"admitted_unknown", 300U},
                                     {"over_rate_admitted", 20U},
                                     {"replays", 5U}}) {
      sample->total.counts.set(name, rate * n);
    }
    sample->total.drops.set("source_rate", 40 * n);
    sample->later.set("asked", 60 * n);
    sample->later.set("awaited", 3);
    sample->store = Sample::Store{};
    sample->store->loaded = true;
    sample->store->counts.set("clients", 1'234'567);
    sample->store->counts.set("revoked", 89);
    sample->store->counts.set("sequence", 1000 + 7 * n);
    sample->store->last_change_age_seconds = 0.2;
    n = 12;
  }
  const std::string text = joined(render(before, after, 2, {.width = 100, .height = 60}));
  EXPECT_NE(text.find(R"(
LATER           AWAITED    ASKED/S ANSWERED/S  EXPIRED/S     FULL/S   STRAYS/S
all workers           3       60.0          0          0          0          0

SOURCES         KNOWN/S  UNKNOWN/S  LIMITED/S OVERRATE/S  REPLAYS/S
all workers         700        300       40.0       20.0       5.00

STORE           CLIENTS    REVOKED  CHANGES/S  LAST CHANGE  STATE
                1234567         89       7.00    0.2 s ago  followed

DEVICE )"),
            std::string::npos)
      << text;
}

TEST(TopScreen, SaysWhatTheStoreLacks) {
  Sample sample;
  sample.store = Sample::Store{};
  const auto row = [&] { return render(sample, sample, 1, {.width = 200, .height = 40}).back(); };
  EXPECT_EQ(row(), "                      0          0          0         none  loading");
  sample.store->loaded = true;
  sample.store->alarm = "no such file: /var/lib/clients";
  EXPECT_TRUE(row().ends_with("  NOT FOLLOWED: no such file: /var/lib/clients")) << row();
  sample.store->refusing = true;
  EXPECT_TRUE(row().ends_with("  REFUSING: no such file: /var/lib/clients")) << row();
}

TEST(TopScreen, SaysWhyTheServerIsNotReady) {
  Sample sample = sample_after(2);
  sample.problems = {"worker on CPU 1 hangs", "draining"};
  sample.books_balance = false;
  sample.devices[0].link_up = false;
  const std::string text = joined(render(sample_after(1), sample, 1, {.width = 200, .height = 40}));
  EXPECT_NE(text.find("NOT READY; worker on CPU 1 hangs; draining; THE BOOKS DO NOT BALANCE\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("net_tap0             DOWN "), std::string::npos) << text;
}

TEST(TopScreen, ShowsTheKernelBehindThePortAndCapturedDrops) {
  Sample before = sample_after(1);
  Sample after = sample_after(2);
  before.total.counts.set("handed_to_kernel", 7);
  after.total.counts.set("handed_to_kernel", 27);
  after.total.counts.set("sent_for_kernel", 10);
  after.total.counts.set("kernel_lost", 1);
  after.total.counts.set("captured", 100);
  after.total.counts.set("capture_missed", 2);
  after.total.counts.set("capture_unwritten", 3);
  const std::string text = joined(render(before, after, 1, {.width = 100, .height = 40}));
  EXPECT_NE(
      text.find(
          "FRAMES               TO KERNEL   FROM IT      LOST  CAPTURED       NOT UNWRITTEN\n"
          "/S                        20.0      10.0      1.00       100      2.00      3.00\n"),
      std::string::npos)
      << text;
}

TEST(TopScreen, LeavesOutWhatThereIsNot) {
  Sample quiet;
  const auto lines = render(quiet, quiet, 1, {.width = 100, .height = 40});
  EXPECT_EQ(lines.size(), 4U) << joined(lines);
}

TEST(TopScreen, KeepsToItsSize) {
  for (std::size_t height = 0; height < 40; ++height) {
    for (const std::size_t width : {0U, 1U, 40U, 80U}) {
      const auto lines = render(sample_after(1), sample_after(2), 1, {width, height});
      EXPECT_LE(lines.size(), height);
      for (const std::string& line : lines) EXPECT_LE(line.size(), width);
    }
  }
}

TEST(TopScreen, CountsTheRowsThatDoNotFit) {
  Sample before = sample_after(1);
  Sample after = sample_after(2);
  for (Sample* sample : {&before, &after}) {
    sample->workers.resize(64, sample->workers.front());
    for (std::size_t i = 0; i < 64; ++i) sample->workers[i].cpu = i;
  }
  const auto lines = render(before, after, 1, {.width = 100, .height = 40});
  EXPECT_EQ(lines.size(), 40U);
  const auto more = std::find_if(lines.begin(), lines.end(),
                                 [](const std::string& line) { return line.starts_with("... "); });
  ASSERT_NE(more, lines.end());
  const auto shown = std::count_if(
      lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("CPU "); });
  EXPECT_EQ(*more, "... " + std::to_string(64 - shown) + " more");
  // All of the others.
  EXPECT_NE(joined(lines).find("\nqueue_full "), std::string::npos);
  EXPECT_NE(joined(lines).find("\nnet_tap0 "), std::string::npos);
}

TEST(TopScreen, ACounterThatFellStartedAnew) {
  const std::string text =
      joined(render(sample_after(100), sample_after(1), 1, {.width = 100, .height = 40}));
  EXPECT_NE(text.find("\n       1.00k          900 "), std::string::npos) << text;
  EXPECT_NE(text.find("\nqueue              900     562 ns    91.9 us\n"), std::string::npos);
}

TEST(TopScreen, TakesWhatIsNewFromZero) {
  Sample before = sample_after(0);
  before.workers.clear();
  before.services.clear();
  before.stages.clear();
  before.devices.clear();
  EXPECT_EQ(joined(render(before, sample_after(1), 1, {.width = 100, .height = 40})),
            joined(render(sample_after(0), sample_after(1), 1, {.width = 100, .height = 40})));
}

TEST(TopNumbers, AreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.25), "0.25");
  EXPECT_EQ(short_number(1), "1.00");
  EXPECT_EQ(short_number(9.996), "10.0");
  EXPECT_EQ(short_number(99.96), "100");
  EXPECT_EQ(short_number(999.4), "999");
  EXPECT_EQ(short_number(999.6), "1.00k");
  EXPECT_EQ(short_number(12'345), "12.3k");
  EXPECT_EQ(short_number(9.99e6), "9.99M");
  EXPECT_EQ(short_number(1e24), "1000000E");
}

TEST(TopNumbers, DurationsAndAges) {
  EXPECT_EQ(short_duration(250e-9), "250 ns");
  EXPECT_EQ(short_duration(12.34e-6), "12.3 us");
  EXPECT_EQ(short_duration(0.5), "500 ms");
  EXPECT_EQ(short_duration(2.5), "2.50 s");
  EXPECT_EQ(short_age(0.34), "0.3 s");
  EXPECT_EQ(short_age(42), "42 s");
  EXPECT_EQ(short_age(300), "5 min");
  EXPECT_EQ(short_age(4 * 3600), "4 h");
  EXPECT_EQ(short_age(3 * 86400), "3 d");
}

TEST(TopQuantile, IsBetweenBounds) {
  const Sample::Stage none = stage_of("a", {0, 0, 0});
  EXPECT_LT(quantile(none, none, 0.5), 0);
  const Sample::Stage some = stage_of("a", {0, 10, 0});
  EXPECT_DOUBLE_EQ(quantile(none, some, 0.5), 5.5e-6);
  EXPECT_DOUBLE_EQ(quantile(none, some, 1), 10e-6);
  // Of what was since.
  EXPECT_DOUBLE_EQ(quantile(some, stage_of("a", {4, 10, 0}), 0.5), 0.5e-6);
  Sample::Stage longer = some;
  longer.count += 30;  // beyond the last bound
  EXPECT_EQ(quantile(none, longer, 0.5), std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(quantile(longer, some, 0.5), 5.5e-6) << "started anew";
}

}  // namespace
}  // namespace pssst::tools::top
