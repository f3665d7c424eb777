#include "server/metrics_handlers.hpp"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <string>

namespace pssst::server {
namespace {

std::string text_of(const Report& report) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, handler_metrics(report));
  return text.str();
}

TEST(HandlerMetrics, HaveLaterRepliesAndBackends) {
  Report report;
  report.later = {.events = {{"asked", 7}, {"answers_late", 2}}, .awaited = 3};
  Report::Service& service = report.services.emplace_back();
  service.name = "meters";
  service.backends = {
      {.address = "/run/a", .is_usable = true, .events = {{"sent", 5}, {"expired", 1}}},
      {.address = "@b", .is_usable = false, .events = {{"sent", 4}}}};
  const std::string text = text_of(report);
  for (const char* line :
       {"pssst_later_events_total{event=\"asked\"} 7\n",
        "pssst_later_events_total{event=\"answers_late\"} 2\n", "pssst_later_awaited 3\n",
        "pssst_backend_usable{service=\"meters\",backend=\"/run/a\"} 1\n",
        "pssst_backend_usable{service=\"meters\",backend=\"@b\"} 0\n",
        "pssst_backend_events_total{service=\"meters\",backend=\"/run/a\",event=\"expired\"} 1\n",
        "pssst_backend_events_total{service=\"meters\",backend=\"@b\",event=\"sent\"} 4\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(HandlerMetrics, HaveNoFamilyWithoutASample) {
  const std::string text = text_of({});
  EXPECT_NE(text.find("pssst_later_awaited 0\n"), std::string::npos);
  EXPECT_EQ(text.find("pssst_backend"), std::string::npos);
}

}  // namespace
}  // namespace pssst::server
