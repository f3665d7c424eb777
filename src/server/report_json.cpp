#include <nlohmann/json.hpp>
#include <utility>

#include "server/report.hpp"

namespace pssst::server {
namespace {

using Json = nlohmann::ordered_json;

/// Those that happened.
Json to_json_value(const Books::Drops& counts) {
  Json drops = Json::object();
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts.at(i) != 0) drops[std::string(kDropReasons.at(i).name)] = counts.at(i);
  }
  return drops;
}

/// Bounds are in seconds and the counts are cumulative, as Prometheus has them.
Json to_json_value(const Report::Stages& stages) {
  Json value = Json::object();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Durations& stage = stages.at(i);
    Json buckets = Json::array();
    std::uint64_t below = 0;
    for (std::size_t k = 0; k < telemetry::kDurationBoundsNs.size(); ++k) {
      below += stage.buckets.at(k);
      buckets.push_back({static_cast<double>(telemetry::kDurationBoundsNs.at(k)) / 1e9, below});
    }
    value[std::string(telemetry::kStageNames.at(i))] = {
        {"count", stage.count}, {"seconds", stage.seconds}, {"buckets", std::move(buckets)}};
  }
  return value;
}

Json to_json_value(const Report::Events& events) {
  Json value = Json::object();
  for (const auto& [name, count] : events) value[std::string(name)] = count;
  return value;
}

Json to_json_value(const Report::Backend& backend) {
  Json value{{"address", backend.address}, {"usable", backend.is_usable}};
  value.update(to_json_value(backend.events));
  return value;
}

Json to_json_value(const Report::Service& service) {
  Json backends = Json::array();
  for (const Report::Backend& one : service.backends) backends.push_back(to_json_value(one));
  Json keys = Json::array();
  Json details = Json::array();
  for (const Report::Service::Key& key : service.keys) {
    keys.push_back(key_text(key));
    details.push_back(
        {{"suite", suite_text(key.suite)},
         {"public_key", key_text(key)},
         {"fingerprint", key.fingerprint},
         {"requests", key.requests},
         {"last_use_age_seconds",
          key.last_use_age_seconds < 0 ? Json(nullptr) : Json(key.last_use_age_seconds)}});
  }
  return {{"name", service.name},
          {"udp_port", service.udp_port},
          {"addresses", service.addresses},
          {"handler", service.handler},
          {"policy", policy_text(service.policy)},
          {"public_keys", std::move(keys)},
          {"keys", std::move(details)},
          {"requests", service.requests},
          {"authenticated", service.authenticated},
          {"replied", service.replied},
          {"drops", to_json_value(service.drops)},
          {"backends", std::move(backends)}};
}

Json to_json_value(const DeviceStatistics& device) {
  return {{"name", device.name},
          {"link_up", device.link_up},
          {"received_packets", device.received_packets},
          {"received_bytes", device.received_bytes},
          {"sent_packets", device.sent_packets},
          {"sent_bytes", device.sent_bytes},
          {"missed", device.missed},
          {"errors_in", device.errors_in},
          {"errors_out", device.errors_out},
          {"no_buffers", device.no_buffers}};
}

Json to_json_value(const Books& books) {
  return Json{{"frames", books.frames},
              {"datagrams", books.datagrams},
              {"answered", books.answered},
              {"handed_to_kernel", books.handed_to_kernel},
              {"replied", books.replied},
              {"answered_without_reply", books.answered_without_reply},
              {"pending", books.pending},
              {"drops", to_json_value(books.all_drops())},
              {"missed", books.missed},
              {"sent_for_kernel", books.sent_for_kernel},
              {"announced", books.announced},
              {"kernel_lost", books.kernel_lost},
              {"captured", books.captured},
              {"capture_missed", books.capture_missed},
              {"capture_unwritten", books.capture_unwritten},
              {"bytes_in", books.bytes_in},
              {"bytes_out", books.bytes_out},
              {"admitted_known", books.admitted_known},
              {"admitted_unknown", books.admitted_unknown},
              {"over_rate_admitted", books.over_rate_admitted},
              {"replays", books.replays},
              {"proofs_by_table", books.proofs_by_table},
              {"proofs_by_ladder", books.proofs_by_ladder},
              {"proof_tables_built", books.proof_tables_built},
              {"bursts", books.bursts},
              {"lanes", books.lanes},
              {"loops", books.loops},
              {"loops_busy", books.loops_busy},
              {"tsc_total", books.tsc_total},
              {"tsc_busy", books.tsc_busy},
              {"busy_share", books.busy_share()}};
}

/// null: there is no store.
Json to_json_value(const std::optional<identity::FollowerStatus>& store) {
  if (!store) return nullptr;
  const bool changed = store->newest_change_ms != 0;
  return {{"loaded", store->loaded},
          {"loads", store->loads},
          {"records_loaded", store->records_loaded},
          {"clients", store->clients},
          {"revoked", store->revoked},
          {"table_bytes", store->table_bytes},
          {"sequence", store->sequence},
          {"newest_change_age_ms", changed ? Json(store->newest_change_age_ms) : Json(nullptr)},
          {"change_delay_ms", store->change_delay_ms},
          {"alarm", identity::to_string(store->alarm)},
          {"alarm_text", store->alarm_text},
          {"alarm_since_ms", store->alarm_since_ms},
          {"refusing", store->refusing}};
}

}  // namespace

std::string to_json(const Report& report) {
  Json workers = Json::array();
  for (const Report::Worker& worker : report.workers) {
    Json value{{"cpu", worker.cpu}};
    value.update(to_json_value(worker.books));
    value["self_requests_right"] = worker.self_requests_right;
    value["self_requests_wrong"] = worker.self_requests_wrong;
    value["self_request_age_seconds"] =
        worker.self_request_age_seconds < 0 ? Json(nullptr) : Json(worker.self_request_age_seconds);
    workers.push_back(std::move(value));
  }
  Json services = Json::array();
  for (const Report::Service& service : report.services) {
    services.push_back(to_json_value(service));
  }
  Json devices = Json::array();
  for (const DeviceStatistics& device : report.devices) devices.push_back(to_json_value(device));
  Json suites = Json::array();
  for (const Report::Suite& suite : report.suites) {
    suites.push_back({{"suite", suite_text(suite.suite)},
                      {"requests", suite.requests},
                      {"authenticated", suite.authenticated},
                      {"replied", suite.replied}});
  }
  Json later = to_json_value(report.later.events);
  later["awaited"] = report.later.awaited;
  const Json value{{"version", PSSST_VERSION},
                   {"x25519_kernel", report.x25519_kernel},
                   {"workers", std::move(workers)},
                   {"services", std::move(services)},
                   {"suites", std::move(suites)},
                   {"devices", std::move(devices)},
                   {"stages", to_json_value(report.stages)},
                   {"clients", report.clients},
                   {"store", to_json_value(report.store)},
                   {"generation", report.generation},
                   {"static_secrets_found", report.static_secrets_found},
                   {"static_secrets_multiplied", report.static_secrets_multiplied},
                   {"later", std::move(later)},
                   {"total", to_json_value(report.total)},
                   {"books_balance", report.balanced()}};
  return value.dump();
}

}  // namespace pssst::server
