/// How the store of clients is followed, as Prometheus reads it.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "identity/follower.hpp"

namespace pssst::server {

/// Conventions as in metrics.hpp. Every alarm is there from the start: 1 for the one that is on.
void add_store_metrics(const identity::FollowerStatus& status,
                       std::vector<prometheus::MetricFamily>& families);

}  // namespace pssst::server
