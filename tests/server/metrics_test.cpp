#include "server/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "base/tsc.hpp"
#include "server/fake_appliance.hpp"

namespace pssst::server {
namespace {

/// The samples of a text, by what stands before the value.
std::map<std::string, std::string> samples_of(const std::string& text) {
  std::map<std::string, std::string> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.rfind(' ');
    EXPECT_TRUE(samples.emplace(line.substr(0, space), line.substr(space + 1)).second)
        << "twice: " << line;
  }
  return samples;
}

class Metrics : public testing::Test {
 protected:
  Metrics() : report_(busy_report()), samples_(samples_of(to_prometheus(report_, health_))) {}

  [[nodiscard]] std::string value(const std::string& series) const {
    const auto found = samples_.find(series);
    return found == samples_.end() ? "no " + series : found->second;
  }
  /// Over all labels of a family.
  [[nodiscard]] double sum_of(const std::string& name, const std::string& label = "") const {
    double sum = 0;
    for (const auto& [series, text] : samples_) {
      const bool is_of_family = series == name || series.starts_with(name + "{");
      if (is_of_family && series.find(label) != std::string::npos) sum += std::stod(text);
    }
    return sum;
  }

  const Health health_{.ready = true, .problems = {}};
  const Report report_;
  const std::map<std::string, std::string> samples_;
};

TEST_F(Metrics, TellOfTheServer) {
  EXPECT_EQ(value("pssst_build_info{version=\"" PSSST_VERSION "\",x25519_kernel=\"avx2\"}"), "1");
  EXPECT_EQ(value("pssst_ready"), "1");
  EXPECT_EQ(value("pssst_health_problems"), "0");
  EXPECT_EQ(value("pssst_books_balanced"), "1");
  EXPECT_EQ(value("pssst_configuration_generation"), "3");
  EXPECT_EQ(value("pssst_clients"), "12");
}

TEST_F(Metrics, HaveEachWorkersCounters) {
  const std::map<std::string, std::uint64_t Books::*> counters{
      {"pssst_frames_total", &Books::frames},
      {"pssst_datagrams_total", &Books::datagrams},
      {"pssst_frames_answered_total", &Books::answered},
      {"pssst_frames_handed_to_kernel_total", &Books::handed_to_kernel},
      {"pssst_replies_total", &Books::replied},
      {"pssst_answered_without_reply_total", &Books::answered_without_reply},
      {"pssst_pending_datagrams", &Books::pending},
      {"pssst_missed_total", &Books::missed},
      {"pssst_kernel_frames_sent_total", &Books::sent_for_kernel},
      {"pssst_kernel_frames_lost_total", &Books::kernel_lost},
      {"pssst_announcements_total", &Books::announced},
      {"pssst_captured_drops_total", &Books::captured},
      {"pssst_capture_missed_total", &Books::capture_missed},
      {"pssst_capture_unwritten_total", &Books::capture_unwritten},
      {"pssst_received_bytes_total", &Books::bytes_in},
      {"pssst_sent_bytes_total", &Books::bytes_out},
      {"pssst_proof_tables_built_total", &Books::proof_tables_built},
      {"pssst_bursts_total", &Books::bursts},
      {"pssst_burst_lanes_total", &Books::lanes},
      {"pssst_loops_total", &Books::loops},
      {"pssst_busy_loops_total", &Books::loops_busy}};
  for (const auto& [name, entry] : counters) {
    for (const Report::Worker& worker : report_.workers) {
      EXPECT_EQ(value(name + "{worker=\"" + std::to_string(worker.cpu) + "\"}"),
                std::to_string(worker.books.*entry));
    }
    EXPECT_EQ(sum_of(name), static_cast<double>(report_.total.*entry)) << name;
  }
}

TEST_F(Metrics, DivideWhatIsCountedInParts) {
  const Books& books = report_.workers[1].books;
  EXPECT_EQ(value(R"(pssst_admitted_total{worker="4",source="known"})"),
            std::to_string(books.admitted_known));
  EXPECT_EQ(value(R"(pssst_admitted_total{worker="4",source="unknown"})"),
            std::to_string(books.admitted_unknown));
  EXPECT_EQ(value(R"(pssst_proofs_total{worker="4",method="table"})"),
            std::to_string(books.proofs_by_table));
  EXPECT_EQ(value(R"(pssst_proofs_total{worker="4",method="ladder"})"),
            std::to_string(books.proofs_by_ladder));
}

TEST_F(Metrics, HaveEveryDropReasonAndBalance) {
  const Books::Drops drops = report_.total.all_drops();
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    const std::string reason(kDropReasons.at(i).name);
    EXPECT_EQ(sum_of("pssst_drops_total", "reason=\"" + reason + "\""),
              static_cast<double>(drops.at(i)));
  }
  EXPECT_EQ(value(R"(pssst_drops_total{worker="2",kind="frame",reason="frame_truncated"})"), "0");
  EXPECT_EQ(sum_of("pssst_frames_total"), sum_of("pssst_datagrams_total") +
                                              sum_of("pssst_frames_answered_total") +
                                              sum_of("pssst_frames_handed_to_kernel_total") +
                                              sum_of("pssst_drops_total", "kind=\"frame\""));
  EXPECT_EQ(sum_of("pssst_datagrams_total"), sum_of("pssst_replies_total") +
                                                 sum_of("pssst_answered_without_reply_total") +
                                                 sum_of("pssst_pending_datagrams") +
                                                 sum_of("pssst_drops_total", "kind=\"datagram\""));
}

TEST_F(Metrics, TellHowBusyWorkersAre) {
  const auto ticks = static_cast<double>(base::tsc_hz());
  EXPECT_NEAR(sum_of("pssst_worker_seconds_total") * ticks,
              static_cast<double>(report_.total.tsc_total), 1e-3);
  EXPECT_NEAR(sum_of("pssst_worker_busy_seconds_total") * ticks,
              static_cast<double>(report_.total.tsc_busy), 1e-3);
}

TEST_F(Metrics, TellOfSelfRequests) {
  EXPECT_EQ(value(R"(pssst_self_requests_total{worker="2",result="right"})"), "7");
  EXPECT_EQ(value(R"(pssst_self_requests_total{worker="4",result="wrong"})"), "1");
  EXPECT_EQ(value(R"(pssst_self_request_age_seconds{worker="2"})"), "0.25");
  EXPECT_EQ(value(R"(pssst_self_request_age_seconds{worker="4"})"), "+Inf");
}

TEST_F(Metrics, HaveServicesByNamePortAndHandler) {
  const std::string meters = R"({service="meters",udp_port="7700",handler="echo")";
  EXPECT_EQ(value("pssst_service_requests_total" + meters + "}"), "61");
  EXPECT_EQ(value("pssst_service_authenticated_requests_total" + meters + "}"), "60");
  EXPECT_EQ(value("pssst_service_replies_total" + meters + "}"), "59");
  EXPECT_EQ(value("pssst_service_drops_total" + meters + ",reason=\"tag\"}"), "5");
  EXPECT_EQ(value("pssst_service_drops_total" + meters + ",reason=\"padding\"}"), "0");
  EXPECT_EQ(value(R"(pssst_service_requests_total{service="odd \"name\"\\",udp_port="7701",)"
                  R"(handler="discard"})"),
            "10");
  EXPECT_EQ(sum_of("pssst_service_requests_total"), 71);
}

TEST_F(Metrics, CountAKeyOfTwoServicesOnce) {
  EXPECT_EQ(value(R"(pssst_key_requests_total{fingerprint="0123456789abcdef",suite="1"})"), "71");
  EXPECT_EQ(value(R"(pssst_key_last_use_age_seconds{fingerprint="0123456789abcdef",suite="1"})"),
            "1.5");
  EXPECT_EQ(
      value(R"(pssst_key_last_use_age_seconds{fingerprint="fedcba9876543210",suite="0xF002"})"),
      "+Inf");
  EXPECT_EQ(sum_of("pssst_key_requests_total"), 71);
  EXPECT_EQ(sum_of("pssst_service_key_info", R"(fingerprint="0123456789abcdef")"), 2);
}

TEST_F(Metrics, HaveSuites) {
  EXPECT_EQ(value(R"(pssst_suite_requests_total{suite="1"})"), "51");
  EXPECT_EQ(value(R"(pssst_suite_authenticated_requests_total{suite="0xF002"})"), "2");
  EXPECT_EQ(value(R"(pssst_suite_replies_total{suite="1"})"), "49");
  EXPECT_EQ(value(R"(pssst_static_secrets_total{result="found"})"), "8");
  EXPECT_EQ(value(R"(pssst_static_secrets_total{result="computed"})"), "9");
}

TEST_F(Metrics, HaveHistogramsOfStagesInSeconds) {
  const Durations& seal = report_.stages.at(static_cast<std::size_t>(telemetry::Stage::kSeal));
  const std::string name = "pssst_stage_duration_seconds";
  std::uint64_t below = 0;
  const char* const bounds[] = {"1e-06",  "2e-06",  "5e-06", "1e-05", "2e-05", "5e-05", "0.0001",
                                "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01",  "0.02",
                                "0.05",   "0.1",    "0.2",   "0.5",   "1",     "+Inf"};
  ASSERT_EQ(std::size(bounds), seal.buckets.size());
  for (std::size_t i = 0; i < std::size(bounds); ++i) {
    below += seal.buckets.at(i);
    EXPECT_EQ(value(name + "_bucket{stage=\"seal\",le=\"" + bounds[i] + "\"}"),
              std::to_string(below));
  }
  EXPECT_EQ(value(name + "_count{stage=\"seal\"}"), std::to_string(seal.count));
  EXPECT_EQ(std::stod(value(name + "_sum{stage=\"seal\"}")), seal.seconds);
}

TEST_F(Metrics, KeepPartsAndWholesOfTimeApart) {
  const auto count_of = [&](telemetry::Stage stage) {
    return std::to_string(report_.stages.at(static_cast<std::size_t>(stage)).count);
  };
  EXPECT_EQ(value("pssst_request_duration_seconds_count"), count_of(telemetry::Stage::kRequest));
  EXPECT_EQ(value("pssst_queue_duration_seconds_count"), count_of(telemetry::Stage::kQueue));
  std::set<std::string> stages;
  for (const auto& [series, text] : samples_) {
    if (series.starts_with("pssst_stage_duration_seconds_count{")) stages.insert(series);
  }
  EXPECT_EQ(stages.size(), telemetry::kStageNames.size() - 2);
}

TEST_F(Metrics, HaveDevices) {
  const std::string device = R"({device="net_tap0"})";
  EXPECT_EQ(value("pssst_device_link_up" + device), "1");
  EXPECT_EQ(value("pssst_device_received_packets_total" + device), "1001");
  EXPECT_EQ(value("pssst_device_received_bytes_total" + device), "1002");
  EXPECT_EQ(value("pssst_device_sent_packets_total" + device), "1003");
  EXPECT_EQ(value("pssst_device_sent_bytes_total" + device), "1004");
  EXPECT_EQ(value("pssst_device_missed_total" + device), "1005");
  EXPECT_EQ(value("pssst_device_receive_errors_total" + device), "1006");
  EXPECT_EQ(value("pssst_device_transmit_errors_total" + device), "1007");
  EXPECT_EQ(value("pssst_device_no_buffers_total" + device), "1008");
}

TEST(MetricsOfNothing, AreWithoutDevices) {
  const std::string text = to_prometheus({}, {.ready = false, .problems = {"a", "b"}});
  const auto samples = samples_of(text);
  EXPECT_EQ(samples.at("pssst_ready"), "0");
  EXPECT_EQ(samples.at("pssst_health_problems"), "2");
  EXPECT_EQ(text.find("pssst_device"), std::string::npos);
}

/// promtool checks the rest (tests/e2e/test_metrics.py).
TEST(MetricsConventions, OfNamesAndLabelsHold) {
  std::set<std::string> names;
  std::set<std::string> labels;
  for (const auto& family : to_metrics(busy_report(), {})) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_TRUE(family.name.starts_with("pssst_")) << family.name;
    EXPECT_TRUE(family.help.ends_with('.')) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.type == prometheus::MetricType::Counter)
        << family.name;
    EXPECT_FALSE(family.metric.empty()) << family.name;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) labels.insert(label.name);
    }
  }
  // No label for a client, nor anything else that can have very many values.
  const std::set<std::string> known{"device", "fingerprint", "handler", "kind",   "method",
                                    "reason", "result",      "service", "source", "stage",
                                    "suite",  "udp_port",    "version", "worker", "x25519_kernel"};
  EXPECT_EQ(labels, known);
}

TEST(MetricsConventions, SeriesAreBounded) {
  Report report = busy_report();
  const auto count = [&] {
    return static_cast<std::size_t>(samples_of(to_prometheus(report, {})).size());
  };
  const std::size_t before = count();
  report.clients = 1'000'000;
  EXPECT_EQ(count(), before);
  report.workers.push_back(report.workers.front());
  report.workers.back().cpu = 100;
  EXPECT_LE(count() - before, 31 + kDropReasonCount);
}

}  // namespace
}  // namespace pssst::server
