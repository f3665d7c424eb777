#include "tools/load/load_report.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace pssst::tools::load {
namespace {

using Json = nlohmann::json;

Settings settings() {
  Settings settings;
  settings.window = 64;
  settings.duration_s = 10;
  settings.pool = 16'384;
  settings.sizes_text = "64";
  settings.expect_text = "echo";
  settings.timeout_ns = 1'000'000'000;
  return settings;
}

LoadReport report() {
  LoadReport report;
  report.target = "127.0.0.1:7700";
  report.x25519_kernel = "avx2";
  report.is_reached = true;
  report.sending_s = 10;
  report.answering_s = 10.5;
  report.measured.sent = 1000;
  report.measured.answered = 990;
  report.measured.answered_in_time = 980;
  report.measured.lost = 10;
  report.measured.received = 995;
  report.measured.duplicates = 3;
  report.measured.mismatch_text = 2;
  report.warmup.sent = 7;
  const auto histogram = std::make_unique<Histogram>();
  for (std::uint64_t i = 1; i <= 990; ++i) histogram->record(i * 1000);
  report.latency = histogram->snapshot();
  return report;
}

TEST(LoadReport, JsonHoldsAllOfIt) {
  const Json json = Json::parse(to_json(report(), settings()));
  EXPECT_EQ(json["target"], "127.0.0.1:7700");
  EXPECT_EQ(json["mode"], "closed");
  EXPECT_EQ(json["window"], 64);
  EXPECT_TRUE(json["rate"].is_null());
  EXPECT_EQ(json["sent"], 1000);
  EXPECT_EQ(json["answered"], 990);
  EXPECT_EQ(json["lost"], 10);
  EXPECT_EQ(json["duplicates"], 3);
  EXPECT_EQ(json["mismatches"], 2);
  EXPECT_EQ(json["answered_per_s"], 98.0);
  EXPECT_EQ(json["loss"], 0.01);
  EXPECT_EQ(json["books_balance"], true);
  EXPECT_EQ(json["latency_ns"]["count"], 990);
  EXPECT_NEAR(json["latency_ns"]["p50"].get<double>(), 495'000, 500);
  EXPECT_NEAR(json["latency_ns"]["p99_9"].get<double>(), 990'000, 1000);
  EXPECT_EQ(json["latency_ns"]["max"], 990'000);
  EXPECT_EQ(json["latency_curve_ns"].back()[1], 990'000);
  EXPECT_TRUE(json["send_delay_ns"].is_null());
  EXPECT_EQ(json["warmup"]["sent"], 7);
}

TEST(LoadReport, BooksThatDoNotBalanceAreSaidNotTo) {
  LoadReport wrong = report();
  ++wrong.measured.received;
  EXPECT_EQ(Json::parse(to_json(wrong, settings()))["books_balance"], false);
  wrong = report();
  --wrong.measured.lost;
  EXPECT_EQ(Json::parse(to_json(wrong, settings()))["books_balance"], false);
}

TEST(LoadReport, ACountedRunIsOverWithItsLastAnswer) {
  Settings counted = settings();
  counted.count = 1000;
  EXPECT_DOUBLE_EQ(report().answered_per_s(counted), 990 / 10.5);
  EXPECT_DOUBLE_EQ(report().answered_per_s(settings()), 98);
  EXPECT_EQ(LoadReport().answered_per_s(settings()), 0);
}

TEST(LoadReport, TextTellsWhatWentWrong) {
  const std::string text = to_text(report(), settings());
  for (const char* part :
       {"127.0.0.1:7700, closed loop, window 64", "answered", "99.000 %", "lost", "duplicates",
        "mismatches", "text 2", "p99.99", "max", "warm-up, not counted above: 7 sent"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  for (const char* part : {"\n  late ", "unknown", "malformed", "hostile"}) {
    EXPECT_EQ(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(LoadReport, TextTellsGoodputFromHostileTraffic) {
  LoadReport hostile = report();
  hostile.measured.hostile_sent[static_cast<std::size_t>(HostileKind::kJunk)] = 5000;
  const std::string text = to_text(hostile, settings());
  EXPECT_NE(text.find("  hostile              5,000   500/s"), std::string::npos) << text;
  EXPECT_NE(text.find("junk 5,000"), std::string::npos);
  const Json json = Json::parse(to_json(hostile, settings()));
  EXPECT_EQ(json["hostile_sent"], 5000);
  EXPECT_EQ(json["hostile_sent_per_s"], 500);
  EXPECT_EQ(json["hostile_sent_by_kind"], Json({{"junk", 5000}}));
}

TEST(LoadReport, NumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(1000), "1.00 us");
  EXPECT_EQ(duration_text(12'345), "12.3 us");
  EXPECT_EQ(duration_text(123'456), "123 us");
  EXPECT_EQ(duration_text(999'499), "999 us");
  EXPECT_EQ(duration_text(999'500), "1.00 ms");
  EXPECT_EQ(duration_text(9'995'000), "10.0 ms");
  EXPECT_EQ(duration_text(99'950'000), "100 ms");
  EXPECT_EQ(duration_text(1'500'000'000), "1.50 s");
}

}  // namespace
}  // namespace pssst::tools::load
