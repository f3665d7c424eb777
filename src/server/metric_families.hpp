/// Putting metrics of Prometheus together.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/report.hpp"

namespace pssst::server {

using Labels = std::vector<prometheus::ClientMetric::Label>;

[[nodiscard]] prometheus::MetricFamily counter(std::string name, std::string help);
[[nodiscard]] prometheus::MetricFamily gauge(std::string name, std::string help);
[[nodiscard]] prometheus::MetricFamily histogram(std::string name, std::string help);

/// To a counter or a gauge. Whole numbers are exact up to 2^53.
void add(prometheus::MetricFamily& family, Labels labels, double value);
void add(prometheus::MetricFamily& family, Labels labels, std::uint64_t value);
/// To a histogram.
void add(prometheus::MetricFamily& family, Labels labels, const Durations& durations);
/// A family of one metric without labels.
[[nodiscard]] prometheus::MetricFamily single(prometheus::MetricFamily family, double value);

}  // namespace pssst::server
