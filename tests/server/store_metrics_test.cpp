#include "server/store_metrics.hpp"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace pssst::server {
namespace {

using identity::FollowerAlarm;

std::string text_of(const identity::FollowerStatus& status) {
  std::vector<prometheus::MetricFamily> families;
  add_store_metrics(status, families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

TEST(StoreMetrics, TellHowTheStoreIsFollowed) {
  const std::string text = text_of({.loaded = true,
                                    .records_loaded = 1000,
                                    .records_expected = 1001,
                                    .loads = 2,
                                    .clients = 999,
                                    .revoked = 99,
                                    .table_bytes = 65536,
                                    .sequence = 1234,
                                    .newest_change_ms = 1'700'000'000'000,
                                    .newest_change_age_ms = 2500,
                                    .change_delay_ms = 250,
                                    .alarm_text = {}});
  for (const char* line :
       {"pssst_store_clients 999", "pssst_store_clients_revoked 99",
        "pssst_store_table_bytes 65536", "pssst_store_loaded 1", "pssst_store_records_loaded 1000",
        "pssst_store_loads_total 2", "pssst_store_sequence 1234",
        "pssst_store_newest_change_age_seconds 2.5", "pssst_store_change_delay_seconds 0.25",
        "pssst_store_alarm{reason=\"locked\"} 0", "pssst_store_alarm{reason=\"no_room\"} 0",
        "pssst_store_alarm_age_seconds 0", "pssst_store_refusing 0"}) {
    EXPECT_TRUE(has_line(text, line)) << line << " is not in\n" << text;
  }
  EXPECT_EQ(text.find("reason=\"none\""), std::string::npos);
}

TEST(StoreMetrics, TellWhyItIsNot) {
  identity::FollowerStatus status;
  status.alarm = FollowerAlarm::kTruncated;
  status.alarm_since_ms = 1'000'000'000'000;
  status.refusing = true;
  const std::string text = text_of(status);
  EXPECT_TRUE(has_line(text, "pssst_store_alarm{reason=\"truncated\"} 1"));
  EXPECT_TRUE(has_line(text, "pssst_store_alarm{reason=\"gone\"} 0"));
  EXPECT_TRUE(has_line(text, "pssst_store_refusing 1"));
  EXPECT_TRUE(has_line(text, "pssst_store_loaded 0"));
  EXPECT_TRUE(has_line(text, "pssst_store_newest_change_age_seconds +Inf"));
  const std::string age = "\npssst_store_alarm_age_seconds ";
  const std::size_t place = text.find(age);
  ASSERT_NE(place, std::string::npos);
  EXPECT_GT(std::stod(text.substr(place + age.size())), 500'000'000);
}

}  // namespace
}  // namespace pssst::server
