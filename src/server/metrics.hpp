/// The counters and the health of a server, as Prometheus reads them.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "server/appliance.hpp"
#include "server/report.hpp"

namespace pssst::server {

/// Families by the conventions of Prometheus: base units, `_total` on counters, and in each family
/// the sum over all its labels counts everything once. So a part that the whole contains
/// (authenticated requests) is a family of its own, and a key's counters do not name its services:
/// pssst_service_key_info does.
///
/// Labels have few values: workers (by CPU), services, server keys, suites, drop reasons, stages,
/// network devices. Nothing is counted by client. Every drop reason is there from the start, zero
/// or not, as rates need it.
///
/// Ages are seconds, not points in time: they need no clocks that agree. +Inf: never yet.
[[nodiscard]] std::vector<prometheus::MetricFamily> to_metrics(const Report& report,
                                                               const Health& health);

/// The same in the text format, version 0.0.4.
[[nodiscard]] std::string to_prometheus(const Report& report, const Health& health);

}  // namespace pssst::server
