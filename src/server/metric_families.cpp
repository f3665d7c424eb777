#include "server/metric_families.hpp"

#include <cstddef>
#include <utility>

#include "telemetry/histogram.hpp"

namespace pssst::server {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

MetricFamily family_of(MetricType type, std::string name, std::string help) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

}  // namespace

MetricFamily counter(std::string name, std::string help) {
  return family_of(MetricType::Counter, std::move(name), std::move(help));
}

MetricFamily gauge(std::string name, std::string help) {
  return family_of(MetricType::Gauge, std::move(name), std::move(help));
}

MetricFamily histogram(std::string name, std::string help) {
  return family_of(MetricType::Histogram, std::move(name), std::move(help));
}

void add(MetricFamily& family, Labels labels, double value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

void add(MetricFamily& family, Labels labels, std::uint64_t value) {
  add(family, std::move(labels), static_cast<double>(value));
}

void add(MetricFamily& family, Labels labels, const Durations& durations) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.histogram.sample_count = durations.count;
  metric.histogram.sample_sum = durations.seconds;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < telemetry::kDurationBoundsNs.size(); ++i) {
    below += durations.buckets.at(i);
    metric.histogram.bucket.push_back(
        {below, static_cast<double>(telemetry::kDurationBoundsNs.at(i)) / 1e9});
  }
}

MetricFamily single(MetricFamily family, double value) {
  add(family, {}, value);
  return family;
}

}  // namespace pssst::server
