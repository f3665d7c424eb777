#include "server/metrics_handlers.hpp"

#include <string>
#include <utility>

#include "server/metric_families.hpp"

namespace pssst::server {
using prometheus::MetricFamily;

std::vector<MetricFamily> handler_metrics(const Report& report) {
  MetricFamily later =
      counter("pssst_later_events_total",
              "What became of requests that handlers answer after the burst: asked, answered; and "
              "of answers to nothing: twice, late, wrong.");
  for (const auto& [event, count] : report.later.events) {
    add(later, {{"event", std::string(event)}}, count);
  }
  MetricFamily awaited =
      gauge("pssst_later_awaited", "Later replies that are awaited now, part of the pending.");
  add(awaited, {}, report.later.awaited);
  MetricFamily usable =
      gauge("pssst_backend_usable",
            "1 if requests are forwarded to the backend, 0 if it is left out or on trial.");
  MetricFamily events =
      counter("pssst_backend_events_total",
              "What a backend was sent, what became of that, and how it was left out and taken "
              "back.");
  for (const Report::Service& service : report.services) {
    for (const Report::Backend& backend : service.backends) {
      const Labels labels{{"service", service.name}, {"backend", backend.address}};
      add(usable, labels, backend.is_usable ? 1.0 : 0.0);
      for (const auto& [event, count] : backend.events) {
        auto all = labels;
        all.push_back({"event", std::string(event)});
        add(events, std::move(all), count);
      }
    }
  }
  std::vector<MetricFamily> families;
  for (MetricFamily* family : {&later, &awaited, &usable, &events}) {
    if (!family->metric.empty()) families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace pssst::server
