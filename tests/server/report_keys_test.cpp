#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/report.hpp"

namespace pssst::server {
namespace {

Report two_services() {
  Report report;
  Report::Service service;
  service.name = "meters";
  service.udp_port = 7700;
  service.requests = 400;
  service.keys.push_back({.fingerprint = "00112233445566aa", .requests = 300});
  service.keys.push_back({.suite = kSuiteF002, .fingerprint = "00112233445566bb", .requests = 100});
  report.services.push_back(service);
  Report::Service quiet;
  quiet.name = "quiet";
  quiet.udp_port = 7701;
  quiet.keys.push_back({.fingerprint = "00112233445566cc"});
  report.services.push_back(quiet);
  return report;
}

TEST(ReportKeys, AreATable) {
  Report report = two_services();
  report.services[0].keys[0].last_use_age_seconds = 3.7;
  report.services[0].keys[1].last_use_age_seconds = 7300;
  EXPECT_EQ(
      keys_to_text(report),
      "SERVICE              UDP PORT  SUITE   FINGERPRINT            REQUESTS   SHARE  LAST USE\n"
      "meters                   7700  1       00112233445566aa            300  75.0 %  3 s ago\n"
      "meters                   7700  0xF002  00112233445566bb            100  25.0 %  2 h ago\n"
      "quiet                    7701  1       00112233445566cc              0   0.0 %  never\n");
}

TEST(ReportKeys, AgesAreInTheUnitThatTellsMost) {
  Report report = two_services();
  report.services.pop_back();
  report.services[0].keys.pop_back();
  const auto last_use = [&](double age_seconds) {
    report.services[0].keys[0].last_use_age_seconds = age_seconds;
    const std::string text = keys_to_text(report);
    return text.substr(text.rfind("%  ") + 3);
  };
  EXPECT_EQ(last_use(-1), "never\n");
  EXPECT_EQ(last_use(0), "0 s ago\n");
  EXPECT_EQ(last_use(119.9), "119 s ago\n");
  EXPECT_EQ(last_use(120), "2 min ago\n");
  EXPECT_EQ(last_use(7199), "119 min ago\n");
  EXPECT_EQ(last_use(172'799), "47 h ago\n");
  EXPECT_EQ(last_use(172'800), "2 d ago\n");
}

TEST(ReportKeys, AreJsonForPrograms) {
  const auto keys = nlohmann::json::parse(keys_to_json(two_services()));
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[1]["service"], "meters");
  EXPECT_EQ(keys[1]["udp_port"], 7700);
  EXPECT_EQ(keys[1]["suite"], "0xF002");
  EXPECT_EQ(keys[1]["fingerprint"], "00112233445566bb");
  EXPECT_EQ(keys[1]["requests"], 100);
  EXPECT_EQ(keys[1]["share"], 0.25);
  EXPECT_TRUE(keys[1]["last_use_age_seconds"].is_null());
  EXPECT_EQ(keys[2]["share"], 0);
}

}  // namespace
}  // namespace pssst::server
