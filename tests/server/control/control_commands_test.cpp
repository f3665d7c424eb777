#include "server/control/control_commands.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/fake_appliance.hpp"

namespace pssst::server {
namespace {

using namespace std::chrono_literals;

class ControlCommands : public testing::Test {
 protected:
  ControlAnswer ask(std::string_view request) { return answer_control(appliance_, request); }
  /// The text of a good answer.
  std::string good(std::string_view request) {
    const ControlAnswer answer = ask(request);
    EXPECT_TRUE(answer.is_good) << request << ": " << answer.text;
    return answer.text;
  }
  std::string bad(std::string_view request) {
    const ControlAnswer answer = ask(request);
    EXPECT_FALSE(answer.is_good) << request << ": " << answer.text;
    return answer.text;
  }

  FakeAppliance appliance_;
};

TEST_F(ControlCommands, GivesTheCountersAsTextAndJson) {
  Report report;
  report.total.frames = 77;
  appliance_.set(report);
  EXPECT_EQ(good("stats"), to_text(report));
  EXPECT_EQ(nlohmann::json::parse(good("stats --json"))["total"]["frames"], 77);
  EXPECT_EQ(bad("stats --xml"), "stats takes --json, or nothing\n");
  EXPECT_EQ(bad("stats --json --json"), "stats takes --json, or nothing\n");
}

TEST_F(ControlCommands, GivesTheKeys) {
  Report::Service service;
  service.name = "meters";
  service.keys.emplace_back().fingerprint = "0011223344556677";
  Report report;
  report.services.push_back(service);
  appliance_.set(report);
  EXPECT_NE(good("keys").find("0011223344556677"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(good("keys --json"))[0]["service"], "meters");
  EXPECT_EQ(bad("keys all"), "keys takes --json, or nothing\n");
}

TEST_F(ControlCommands, TellsHealth) {
  appliance_.set(Health{.ready = true, .problems = {}});
  EXPECT_EQ(good("health"), "ready\n");
  appliance_.set(Health{.ready = false, .problems = {"one", "two"}});
  EXPECT_EQ(bad("health"), "one\ntwo\n");
  EXPECT_EQ(bad("health please"), "health takes nothing\n");
}

TEST_F(ControlCommands, ReloadsAndSaysWhatBecameOfIt) {
  EXPECT_EQ(good("reload"), "nothing has changed\n");
  appliance_.outcome = {.applied = {"a", "b"}, .needs_restart = {"c"}};
  EXPECT_EQ(good("  reload "), "applied: a\napplied: b\nneeds a restart: c\n");
  appliance_.outcome = {.applied = {}, .needs_restart = {"c"}, .refused = {"f:1:2: d"}};
  EXPECT_EQ(bad("reload"), "refused: f:1:2: d\nnothing was changed\n");
  EXPECT_EQ(appliance_.reloads, 3);
  EXPECT_EQ(bad("reload now"), "reload takes nothing\n");
  EXPECT_EQ(appliance_.reloads, 3);
}

TEST_F(ControlCommands, Drains) {
  EXPECT_EQ(good("drain 5"), "draining: not ready from now on, serving for up to 5 s\n");
  EXPECT_EQ(appliance_.drain_deadline, 5s);
  EXPECT_EQ(good("drain"), "draining: not ready from now on, serving for up to 30 s\n");
  EXPECT_EQ(appliance_.drain_deadline, std::nullopt);
  EXPECT_EQ(appliance_.drains, 2);
  for (const char* request : {"drain x", "drain -1", "drain 86401", "drain 5 5", "drain 5s",
                              "drain 99999999999999999999"}) {
    EXPECT_EQ(bad(request), "drain takes seconds, 0 to 86400, or nothing\n") << request;
  }
  EXPECT_EQ(appliance_.drains, 2);
}

TEST_F(ControlCommands, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(bad(""), "no command: stats, keys, health, reload, drain\n");
  EXPECT_EQ(bad("   "), "no command: stats, keys, health, reload, drain\n");
  for (const char* request : {"stop", "RELOAD", "\x1b[2J", "stats\t--json"}) {
    EXPECT_EQ(bad(request), "no such command: stats, keys, health, reload, drain\n");
  }
}

TEST(ControlAnswer, TravelsWhole) {
  for (const bool is_good : {false, true}) {
    for (const char* text : {"", "line\n", "good\nbad\n"}) {
      ControlAnswer decoded;
      ASSERT_TRUE(decode_answer(encode_answer({is_good, text}), decoded));
      EXPECT_EQ(decoded.is_good, is_good);
      EXPECT_EQ(decoded.text, text);
    }
  }
  ControlAnswer decoded;
  for (const char* bytes : {"", "good", "goo", "ba", "neither\n"}) {
    EXPECT_FALSE(decode_answer(bytes, decoded)) << bytes;
  }
}

}  // namespace
}  // namespace pssst::server
