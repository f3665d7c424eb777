/// Metrics of handlers that are not built in.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "server/report.hpp"

namespace pssst::server {

[[nodiscard]] std::vector<prometheus::MetricFamily> handler_metrics(const Report& report);

}  // namespace pssst::server
