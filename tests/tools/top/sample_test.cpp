#include "tools/top/sample.hpp"

#include <gtest/gtest.h>

#include "server/fake_appliance.hpp"

namespace pssst::tools::top {
namespace {

TEST(TopSample, IsTheServersReport) {
  const server::Report report = server::busy_report();
  const auto sample = parse_sample(server::to_json(report), "");
  ASSERT_TRUE(sample) << sample.error().to_string();
  EXPECT_EQ(sample->version, PSSST_VERSION);
  EXPECT_EQ(sample->x25519_kernel, "avx2");
  EXPECT_EQ(sample->clients, 12U);
  EXPECT_EQ(sample->generation, 3U);
  EXPECT_TRUE(sample->books_balance);
  EXPECT_TRUE(sample->problems.empty());
  // Every counter that the screen shows.
  const Part& total = sample->total;
  EXPECT_EQ(total.counts["datagrams"], report.total.datagrams);
  EXPECT_EQ(total.counts["replied"], report.total.replied);
  EXPECT_EQ(total.counts["missed"], report.total.missed);
  EXPECT_EQ(total.counts["bytes_in"], report.total.bytes_in);
  EXPECT_EQ(total.counts["bytes_out"], report.total.bytes_out);
  EXPECT_EQ(total.drops["tag"],
            report.total.all_drops().at(static_cast<std::size_t>(DropReason::kTag)));
  EXPECT_EQ(total.drops["no such reason"], 0U);
  ASSERT_EQ(sample->workers.size(), 2U);
  const Sample::Worker& worker = sample->workers[1];
  EXPECT_EQ(worker.cpu, 4U);
  EXPECT_EQ(worker.counts["tsc_busy"], report.workers[1].books.tsc_busy);
  EXPECT_EQ(worker.counts["tsc_total"], report.workers[1].books.tsc_total);
  EXPECT_EQ(worker.counts["lanes"], report.workers[1].books.lanes);
  EXPECT_EQ(worker.counts["bursts"], report.workers[1].books.bursts);
  EXPECT_EQ(worker.counts["self_requests_wrong"], 1U);
  EXPECT_EQ(worker.self_request_age_seconds, std::nullopt);
  EXPECT_EQ(sample->workers[0].self_request_age_seconds, 0.25);
}

TEST(TopSample, HasServicesStagesAndDevices) {
  const server::Report report = server::busy_report();
  const auto sample = parse_sample(server::to_json(report), "");
  ASSERT_TRUE(sample) << sample.error().to_string();
  ASSERT_EQ(sample->services.size(), 2U);
  const Sample::Service& service = sample->services[0];
  EXPECT_EQ(service.name, "meters");
  EXPECT_EQ(service.udp_port, 7700U);
  EXPECT_EQ(service.handler, "echo");
  EXPECT_EQ(service.counts["requests"], 61U);
  EXPECT_EQ(service.counts["authenticated"], 60U);
  EXPECT_EQ(service.counts["replied"], 59U);
  EXPECT_EQ(service.drops["tag"], 5U);
  ASSERT_EQ(service.keys.size(), 2U);
  EXPECT_EQ(service.keys[0].fingerprint, "0123456789abcdef");
  EXPECT_EQ(service.keys[0].requests, 71U);
  EXPECT_EQ(service.keys[0].last_use_age_seconds, 1.5);
  EXPECT_EQ(service.keys[1].suite, "0xF002");
  EXPECT_EQ(service.keys[1].last_use_age_seconds, std::nullopt);
  ASSERT_EQ(sample->stages.size(), telemetry::kStageNames.size());
  for (std::size_t i = 0; i < sample->stages.size(); ++i) {
    EXPECT_EQ(sample->stages[i].name, telemetry::kStageNames.at(i));
    EXPECT_EQ(sample->stages[i].count, report.stages.at(i).count);
    ASSERT_EQ(sample->stages[i].buckets.size(), telemetry::kDurationBoundsNs.size());
    EXPECT_EQ(sample->stages[i].buckets[0].first, 1e-6);
    EXPECT_EQ(sample->stages[i].buckets[1].second,
              report.stages.at(i).buckets.at(0) + report.stages.at(i).buckets.at(1));
  }
  ASSERT_EQ(sample->devices.size(), 1U);
  EXPECT_EQ(sample->devices[0].name, "net_tap0");
  EXPECT_TRUE(sample->devices[0].link_up);
  for (const auto& [name, value] : {std::pair{"received_packets", 1001U},
                                    {"sent_packets", 1003U},
                                    {"missed", 1005U},
                                    {"errors_in", 1006U},
                                    {"errors_out", 1007U},
                                    {"no_buffers", 1008U}}) {
    EXPECT_EQ(sample->devices[0].counts[name], value) << name;
  }
}

TEST(TopSample, HasLaterRepliesBackendsAndLimits) {
  server::Report report = server::busy_report();
  report.later = {.events = {{"asked", 31}, {"answered", 29}, {"answers_late", 1}}, .awaited = 2};
  report.services[1].backends.push_back(
      {.address = "/run/b", .is_usable = true, .events = {{"sent", 9}, {"answered", 8}}});
  const auto sample = parse_sample(server::to_json(report), "");
  ASSERT_TRUE(sample) << sample.error().to_string();
  EXPECT_EQ(sample->later["asked"], 31U);
  EXPECT_EQ(sample->later["answered"], 29U);
  EXPECT_EQ(sample->later["answers_late"], 1U);
  EXPECT_EQ(sample->later["awaited"], 2U);
  EXPECT_TRUE(sample->services[0].backends.empty());
  ASSERT_EQ(sample->services[1].backends.size(), 1U);
  const Sample::Backend& backend = sample->services[1].backends[0];
  EXPECT_EQ(backend.address, "/run/b");
  EXPECT_TRUE(backend.usable);
  EXPECT_EQ(backend.counts["sent"], 9U);
  EXPECT_EQ(backend.counts["answered"], 8U);
  for (const auto& [name, expected] : {std::pair{"admitted_known", report.total.admitted_known},
                                       {"admitted_unknown", report.total.admitted_unknown},
                                       {"over_rate_admitted", report.total.over_rate_admitted},
                                       {"replays", report.total.replays}}) {
    EXPECT_EQ(sample->total.counts[name], expected) << name;
  }
  for (const DropReason reason :
       {DropReason::kSourceRate, DropReason::kLaterExpired, DropReason::kLaterFull}) {
    EXPECT_EQ(sample->total.drops[to_string(reason)],
              report.total.all_drops().at(static_cast<std::size_t>(reason)));
  }
}

TEST(TopSample, HasTheStoreIfThereIsOne) {
  server::Report report = server::busy_report();
  EXPECT_FALSE(parse_sample(server::to_json(report), "")->store);
  report.store.emplace();
  EXPECT_FALSE(parse_sample(server::to_json(report), "")->store->loaded);
  EXPECT_EQ(parse_sample(server::to_json(report), "")->store->last_change_age_seconds,
            std::nullopt);
  report.store->loaded = true;
  report.store->clients = 70;
  report.store->revoked = 3;
  report.store->sequence = 81;
  report.store->newest_change_ms = 1;
  report.store->newest_change_age_ms = 2500;
  report.store->alarm = identity::FollowerAlarm::kGone;
  report.store->alarm_text = "gone\x1b";
  report.store->refusing = true;
  const auto sample = parse_sample(server::to_json(report), "");
  ASSERT_TRUE(sample) << sample.error().to_string();
  ASSERT_TRUE(sample->store);
  EXPECT_TRUE(sample->store->loaded && sample->store->refusing);
  EXPECT_EQ(sample->store->alarm, "gone?");
  EXPECT_EQ(sample->store->counts["clients"], 70U);
  EXPECT_EQ(sample->store->counts["revoked"], 3U);
  EXPECT_EQ(sample->store->counts["sequence"], 81U);
  EXPECT_EQ(sample->store->last_change_age_seconds, 2.5);
}

TEST(TopSample, KeepsTerminalsSafe) {
  server::Report report = server::busy_report();
  report.services[0].name = "\x1b[31mred\n\xc3\xa9";
  const auto sample = parse_sample(server::to_json(report), "a\x1b]0;b\n\nc");
  ASSERT_TRUE(sample) << sample.error().to_string();
  EXPECT_EQ(sample->services[0].name, "?[31mred???");
  EXPECT_EQ(sample->problems, (std::vector<std::string>{"a?]0;b", "c"}));
}

TEST(TopSample, RefusesWhatIsNoReport) {
  const std::string good = server::to_json(server::busy_report());
  for (const std::string& json :
       {std::string(), std::string("{}"), std::string("[]"), good.substr(0, good.size() / 2),
        std::string(R"({"version": 1})")}) {
    const auto sample = parse_sample(json, "");
    ASSERT_FALSE(sample) << json;
    EXPECT_NE(sample.error().what.find("cannot read the server's counters"), std::string::npos);
  }
}

}  // namespace
}  // namespace pssst::tools::top
