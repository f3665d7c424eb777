#include "server/telemetry_commands.hpp"

#include <gtest/gtest.h>

#include <map>
#include <variant>

#include "server/fake_appliance.hpp"

namespace pssst::server {
namespace {

using Fields = std::map<std::string, std::variant<std::uint64_t, std::string>>;

Fields as_map(const net::TelemetryFields& fields) {
  return {fields.begin(), fields.end()};
}

class TelemetryCommands : public testing::Test {
 protected:
  TelemetryCommands() { appliance_.set(busy_report()); }

  [[nodiscard]] net::TelemetryReply ask(const std::string& name) {
    for (const net::TelemetryCommand& command : telemetry_commands(appliance_)) {
      if (command.name == name) return command.answer();
    }
    ADD_FAILURE() << "no " << name;
    return {};
  }

  FakeAppliance appliance_;
};

TEST_F(TelemetryCommands, FitIntoDpdk) {
  const auto commands = telemetry_commands(appliance_);
  EXPECT_EQ(commands.size(), 3U);
  for (const net::TelemetryCommand& command : commands) {
    EXPECT_TRUE(command.name.starts_with("/pssst/"));
    EXPECT_LT(command.name.size(), 56U);
    EXPECT_LT(command.help.size(), 64U);
  }
}

TEST_F(TelemetryCommands, StatsAreTheBooks) {
  const Books total = busy_report().total;
  const auto reply = ask("/pssst/stats");
  Fields fields = as_map(reply.fields);
  const std::map<std::string, std::uint64_t> expected{{"frames", total.frames},
                                                      {"datagrams", total.datagrams},
                                                      {"replied", total.replied},
                                                      {"pending", total.pending},
                                                      {"dropped", sum(total.all_drops())},
                                                      {"bytes_out", total.bytes_out},
                                                      {"tsc_busy", total.tsc_busy},
                                                      {"workers", 2},
                                                      {"clients", 12},
                                                      {"generation", 3},
                                                      {"books_balance", 1}};
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(std::get<std::uint64_t>(fields[name]), value) << name;
  }
  EXPECT_EQ(std::get<std::string>(fields["version"]), PSSST_VERSION);
  ASSERT_EQ(reply.objects.size(), 1U);
  EXPECT_EQ(reply.objects[0].first, "drops");
  Fields drops = as_map(reply.objects[0].second);
  const Books::Drops counts = total.all_drops();
  EXPECT_EQ(drops.count("frame_truncated"), 0U) << "did not happen";
  EXPECT_EQ(drops.size(), kDropReasonCount - 2);
  EXPECT_EQ(std::get<std::uint64_t>(drops["tag"]),
            counts.at(static_cast<std::size_t>(DropReason::kTag)));
}

TEST_F(TelemetryCommands, ServicesAreOneObjectEach) {
  const auto reply = ask("/pssst/services");
  ASSERT_EQ(reply.objects.size(), 2U);
  EXPECT_EQ(reply.objects[0].first, "0");
  EXPECT_EQ(as_map(reply.objects[0].second), (Fields{{"name", "meters"},
                                                     {"udp_port", 7700U},
                                                     {"handler", "echo"},
                                                     {"requests", 61U},
                                                     {"authenticated", 60U},
                                                     {"replied", 59U},
                                                     {"dropped", 5U}}));
  EXPECT_EQ(reply.objects[1].first, "1");
}

TEST_F(TelemetryCommands, HealthHasItsProblems) {
  appliance_.set(Health{.ready = false, .problems = {"one", "two"}});
  const auto reply = ask("/pssst/health");
  EXPECT_EQ(as_map(reply.fields), (Fields{{"ready", 0U}}));
  ASSERT_EQ(reply.lists.size(), 1U);
  EXPECT_EQ(reply.lists[0].second, (std::vector<std::string>{"one", "two"}));
  appliance_.set(Health{.ready = true, .problems = {}});
  EXPECT_EQ(as_map(ask("/pssst/health").fields), (Fields{{"ready", 1U}}));
}

}  // namespace
}  // namespace pssst::server
