#include "server/store_metrics.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "server/metric_families.hpp"

namespace pssst::server {
namespace {

using identity::FollowerAlarm;
using prometheus::MetricFamily;

double age_of(std::int64_t since_ms) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return static_cast<double>(std::max<std::int64_t>(0, now_ms - since_ms)) / 1000;
}

}  // namespace

void add_store_metrics(const identity::FollowerStatus& status,
                       std::vector<MetricFamily>& families) {
  const auto put = [&families](MetricFamily family, double value) {
    families.push_back(single(std::move(family), value));
  };
  const auto number = [](auto value) { return static_cast<double>(value); };
  put(gauge("pssst_store_clients", "Clients in the table, with the revoked."),
      number(status.clients));
  put(gauge("pssst_store_clients_revoked", "Of pssst_store_clients, those revoked."),
      number(status.revoked));
  put(gauge("pssst_store_table_bytes", "Memory of the table of clients."),
      number(status.table_bytes));
  put(gauge("pssst_store_loaded", "1 once all clients have been loaded, or 0."),
      status.loaded ? 1 : 0);
  put(gauge("pssst_store_records_loaded",
            "Clients that the load which goes on, or went on last, has read."),
      number(status.records_loaded));
  put(counter("pssst_store_loads_total",
              "Loads of the whole store: more than one if it was replaced."),
      number(status.loads));
  put(gauge("pssst_store_sequence", "Number of the last change that every worker goes by."),
      number(status.sequence));
  put(gauge("pssst_store_newest_change_age_seconds",
            "Since the last change that every worker goes by was made. +Inf: there is none."),
      status.newest_change_ms == 0 ? std::numeric_limits<double>::infinity()
                                   : number(status.newest_change_age_ms) / 1000);
  put(gauge("pssst_store_change_delay_seconds",
            "From the making of the last change to the last worker's going by it."),
      number(status.change_delay_ms) / 1000);
  const bool well = status.alarm == FollowerAlarm::kNone;
  MetricFamily alarm =
      gauge("pssst_store_alarm",
            "1 if the store cannot be followed for this reason, and the last good table stays.");
  for (int i = 1; i <= static_cast<int>(FollowerAlarm::kNoRoom); ++i) {
    const auto reason = static_cast<FollowerAlarm>(i);
    add(alarm, {{"reason", std::string(identity::to_string(reason))}},
        status.alarm == reason ? 1.0 : 0.0);
  }
  families.push_back(std::move(alarm));
  put(gauge("pssst_store_alarm_age_seconds", "For how long it could not be followed; 0: it is."),
      well ? 0 : age_of(status.alarm_since_ms));
  put(gauge("pssst_store_refusing", "1 if nobody is served by the table, for it is too old, or 0."),
      status.refusing ? 1 : 0);
}

}  // namespace pssst::server
