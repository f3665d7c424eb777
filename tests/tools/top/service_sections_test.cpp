#include "tools/top/service_sections.hpp"

#include <gtest/gtest.h>

namespace pssst::tools::top {
namespace {

/// After `n` seconds of the same work: a service that is forwarded to two backends.
Sample sample_after(std::uint64_t n) {
  Sample sample;
  Sample::Service service;
  service.name = "count";
  service.udp_port = 7701;
  service.handler = "forward";
  service.counts.set("requests", 100 * n);
  service.counts.set("replied", 80 * n);
  service.drops.set("later_expired", 20 * n);
  service.keys.push_back({.fingerprint = "0123456789abcdef",
                          .suite = "0xF002",
                          .requests = 100 * n,
                          .last_use_age_seconds = 0.01});
  for (const bool usable : {true, false}) {
    Sample::Backend backend{
        .address = usable ? "/run/count/a.sock" : "@b", .usable = usable, .counts = {}};
    backend.counts.set("sent", usable ? 90 * n : 10 * n);
    backend.counts.set("answered", usable ? 80 * n : 0);
    backend.counts.set("expired", 10 * n);
    service.backends.push_back(std::move(backend));
  }
  sample.services.push_back(std::move(service));
  sample.later.set("asked", 100 * n);
  sample.later.set("answered", 80 * n);
  sample.later.set("awaited", 17);
  sample.later.set("answers_twice", 1 * n);
  sample.later.set("answers_late", 2 * n);
  sample.later.set("answers_wrong", 4 * n);
  sample.total.drops.set("later_expired", 20 * n);
  sample.total.drops.set("later_full", 5 * n);
  return sample;
}

TEST(TopServices, HaveTheirKeysAndBackends) {
  const Section section = services(sample_after(10), sample_after(12), 2);
  EXPECT_EQ(
      section.rows,
      (std::vector<std::string>{
          "count                 7701 forward             100        0      80.0     20.0",
          "  key 0123456789abcdef suite 0xF002            100  100.0 %  last use 0.0 s ago",
          "  backend /run/count/a.sock            usable       90.0 sent/s     80.0 answered/s     "
          "10.0 expired/s",
          "  backend @b                           LEFT OUT     10.0 sent/s        0 answered/s     "
          "10.0 expired/s"}));
}

TEST(TopServices, ABackendIsTheSameByItsAddress) {
  Sample before = sample_after(10);
  std::swap(before.services[0].backends[0], before.services[0].backends[1]);
  EXPECT_EQ(services(before, sample_after(12), 2).rows,
            services(sample_after(10), sample_after(12), 2).rows);
}

TEST(TopLaterReplies, AreRatesAndHowManyAreAwaitedNow) {
  const Section section = later_replies(sample_after(10), sample_after(12), 2);
  EXPECT_EQ(section.heading,
            "LATER           AWAITED    ASKED/S ANSWERED/S  EXPIRED/S     FULL/S   STRAYS/S");
  EXPECT_EQ(section.rows,
            (std::vector<std::string>{
                "all workers          17        100       80.0       20.0       5.00       7.00"}));
}

TEST(TopLaterReplies, AreNotShownWhereThereAreNone) {
  EXPECT_TRUE(later_replies({}, {}, 1).rows.empty());
  // No place was ever free for one.
  Sample full;
  full.total.drops.set("later_full", 1);
  EXPECT_EQ(later_replies({}, full, 1).rows.size(), 1U);
}

}  // namespace
}  // namespace pssst::tools::top
