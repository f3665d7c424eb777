#include "server/report_handlers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "server/handler/forward_handler.hpp"
#include "server/handler/typed_handler.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

std::uint64_t count(const Report::Events& events, std::string_view name) {
  for (const auto& [event, number] : events) {
    if (event == name) return number;
  }
  ADD_FAILURE() << "no " << name;
  return 0;
}

TEST(ReportHandlers, AddsUpTheWorkersLaterReplies) {
  const net::PortCounters port;
  telemetry::WorkerCounters a;
  telemetry::WorkerCounters b;
  a.later.asked.add(5);
  b.later.asked.add(6);
  a.later.awaited.set(1);
  b.later.awaited.set(2);
  b.later.answers_late.add(3);
  const std::array sources{WorkerSource{0, &port, &a}, WorkerSource{1, &port, &b}};
  const Report::Later later = later_of(sources);
  EXPECT_EQ(count(later.events, "asked"), 11U);
  EXPECT_EQ(count(later.events, "answers_late"), 3U);
  EXPECT_EQ(count(later.events, "answered"), 0U);
  EXPECT_EQ(later.awaited, 3U);
}

TEST(ReportHandlers, FindsBackendsOfAHandlerAndOfMessageTypes) {
  const auto forward = [](const std::string& backend) {
    return std::shared_ptr<const Handler>(*ForwardHandler::create({backend}, {}, nullptr));
  };
  EXPECT_TRUE(backends_of(**make_handler("echo", {})).empty());
  EXPECT_EQ(backends_of(*forward("/run/a")).at(0).address, "/run/a");
  TypedHandler typed;
  ASSERT_TRUE(typed.add(1, 1, forward("/run/a")));
  ASSERT_TRUE(typed.add(2, 2, forward("/run/b")));
  const auto backends = backends_of(typed);
  ASSERT_EQ(backends.size(), 2U);
  EXPECT_EQ(backends[1].address, "/run/b");
  EXPECT_FALSE(backends[1].is_usable);
  EXPECT_EQ(count(backends[1].events, "sent"), 0U);
}

TEST(ReportHandlers, AreInTheJsonAndTheText) {
  Report report;
  report.later = {.events = {{"asked", 7}}, .awaited = 3};
  Report::Service& service = report.services.emplace_back();
  service.name = "meters";
  service.backends = {{.address = "/run/a", .is_usable = false, .events = {{"sent", 5}}}};
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["later"]["asked"], 7);
  EXPECT_EQ(json["later"]["awaited"], 3);
  EXPECT_EQ(json["services"][0]["backends"][0]["address"], "/run/a");
  EXPECT_EQ(json["services"][0]["backends"][0]["usable"], false);
  EXPECT_EQ(json["services"][0]["backends"][0]["sent"], 5);
  const std::string text = to_text(report);
  EXPECT_NE(text.find("backend /run/a, left out"), std::string::npos) << text;
  EXPECT_NE(text.find("later replies awaited"), std::string::npos) << text;
}

}  // namespace
}  // namespace pssst::server
