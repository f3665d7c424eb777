#include "server/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <cstdint>
#include <limits>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/tsc.hpp"
#include "server/metric_families.hpp"
#include "server/metrics_handlers.hpp"
#include "server/store_metrics.hpp"

namespace pssst::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

double age(double seconds) noexcept {
  return seconds < 0 ? std::numeric_limits<double>::infinity() : seconds;
}

double tsc_seconds(std::uint64_t ticks) noexcept {
  return static_cast<double>(ticks) / static_cast<double>(base::tsc_hz());
}

class Collection {
 public:
  void put(MetricFamily family) { families_.push_back(std::move(family)); }
  void put_single(MetricFamily family, double value) { put(single(std::move(family), value)); }
  [[nodiscard]] std::vector<MetricFamily>& all() noexcept { return families_; }
  [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void add_server(Collection& to, const Report& report, const Health& health) {
  MetricFamily build = gauge("pssst_build_info", "1; the labels say what serves.");
  add(build, {{"version", PSSST_VERSION}, {"x25519_kernel", report.x25519_kernel}}, 1.0);
  to.put(std::move(build));
  to.put_single(gauge("pssst_ready", "1 if the server is ready, as /health says, or 0."),
                health.ready ? 1 : 0);
  to.put_single(gauge("pssst_health_problems", "Reasons for not being ready; /health has them."),
                static_cast<double>(health.problems.size()));
  to.put_single(
      gauge("pssst_books_balanced", "1 if every frame and every datagram is accounted for, or 0."),
      report.balanced() ? 1 : 0);
  to.put_single(gauge("pssst_configuration_generation",
                      "1 as started; each reload that was applied adds one."),
                static_cast<double>(report.generation));
  to.put_single(gauge("pssst_clients", "Enrolled clients."), static_cast<double>(report.clients));
}

struct WorkerMetric {
  const char* name;
  const char* help;
  std::uint64_t Books::*entry;
};

constexpr WorkerMetric kWorkerCounters[] = {
    {"pssst_frames_total", "Frames received.", &Books::frames},
    {"pssst_frames_answered_total", "Frames answered on layers 2 and 3 (ARP, NDP, echo).",
     &Books::answered},
    {"pssst_frames_handed_to_kernel_total", "Frames handed to the kernel.",
     &Books::handed_to_kernel},
    {"pssst_datagrams_total", "Datagrams for a service.", &Books::datagrams},
    {"pssst_replies_total", "Replies that the port took.", &Books::replied},
    {"pssst_answered_without_reply_total", "Requests for which the handler had no reply.",
     &Books::answered_without_reply},
    {"pssst_missed_total", "Lost before the server (NIC ring, socket buffer); not in the books.",
     &Books::missed},
    {"pssst_kernel_frames_sent_total",
     "Frames sent for the kernel, whether or not the device took them.", &Books::sent_for_kernel},
    {"pssst_kernel_frames_lost_total", "Frames lost on the way to or from the kernel.",
     &Books::kernel_lost},
    {"pssst_announcements_total", "Frames sent that tell neighbours the server's addresses.",
     &Books::announced},
    {"pssst_captured_drops_total", "Chosen drops copied for the capture file.", &Books::captured},
    {"pssst_capture_missed_total", "Chosen drops that were not copied: too many at a time.",
     &Books::capture_missed},
    {"pssst_capture_unwritten_total", "Copied drops that the file did not take: full, or failed.",
     &Books::capture_unwritten},
    {"pssst_received_bytes_total", "UDP payload of datagrams received.", &Books::bytes_in},
    {"pssst_sent_bytes_total", "UDP payload of replies sent.", &Books::bytes_out},
    {"pssst_over_rate_admitted_total",
     "Datagrams from source prefixes over their rate that were let through, as limits only count.",
     &Books::over_rate_admitted},
    {"pssst_replays_total", "Valid requests that were seen before within the replay window.",
     &Books::replays},
    {"pssst_proof_tables_built_total", "Tables built for the proofs of clients that came back.",
     &Books::proof_tables_built},
    {"pssst_bursts_total", "Bursts of requests.", &Books::bursts},
    {"pssst_burst_lanes_total", "Requests in bursts.", &Books::lanes},
    {"pssst_loops_total", "Turns of the worker's loop.", &Books::loops},
    {"pssst_busy_loops_total", "Turns of the worker's loop that found work.", &Books::loops_busy},
};

/// Two parts of a whole that are counted apart.
struct WorkerParts {
  const char* name;
  const char* help;
  const char* label;
  struct Part {
    const char* value;
    std::uint64_t Books::*entry;
  } parts[2];
};

constexpr WorkerParts kWorkerParts[] = {
    {"pssst_admitted_total",
     "Datagrams admitted, by whether the source's prefix had a valid request lately.",
     "source",
     {{"known", &Books::admitted_known}, {"unknown", &Books::admitted_unknown}}},
    {"pssst_proofs_total",
     "Clients' proofs checked: by a table, or by a second multiplication.",
     "method",
     {{"table", &Books::proofs_by_table}, {"ladder", &Books::proofs_by_ladder}}},
};

ClientMetric::Label worker_label(const Report::Worker& worker) {
  return {"worker", std::to_string(worker.cpu)};
}

void add_drops(Collection& to, const Report& report) {
  MetricFamily drops = counter("pssst_drops_total",
                               "Frames and datagrams dropped, by worker, by the first check that "
                               "they failed, and by what they were then.");
  for (const Report::Worker& worker : report.workers) {
    const Books::Drops counts = worker.books.all_drops();
    for (std::size_t i = 1; i < counts.size(); ++i) {
      add(drops,
          {worker_label(worker),
           {"kind", is_frame_drop(static_cast<DropReason>(i)) ? "frame" : "datagram"},
           {"reason", std::string(kDropReasons.at(i).name)}},
          counts.at(i));
    }
  }
  to.put(std::move(drops));
}

void add_workers(Collection& to, const Report& report) {
  for (const WorkerMetric& metric : kWorkerCounters) {
    MetricFamily family = counter(metric.name, metric.help);
    for (const Report::Worker& worker : report.workers) {
      add(family, {worker_label(worker)}, worker.books.*metric.entry);
    }
    to.put(std::move(family));
  }
  for (const WorkerParts& metric : kWorkerParts) {
    MetricFamily family = counter(metric.name, metric.help);
    for (const Report::Worker& worker : report.workers) {
      for (const WorkerParts::Part& part : metric.parts) {
        add(family, {worker_label(worker), {metric.label, part.value}}, worker.books.*part.entry);
      }
    }
    to.put(std::move(family));
  }
  add_drops(to, report);
}

/// What a worker says of itself, besides its books' counters.
void add_worker_states(Collection& to, const Report& report) {
  MetricFamily pending = gauge("pssst_pending_datagrams", "Datagrams held, not yet settled.");
  MetricFamily seconds =
      counter("pssst_worker_seconds_total", "Time since the worker's first loop, by its TSC.");
  MetricFamily busy = counter("pssst_worker_busy_seconds_total",
                              "Of pssst_worker_seconds_total, in loops that found work.");
  MetricFamily self_requests = counter(
      "pssst_self_requests_total",
      "Requests that the worker sent itself, by whether the reply was as it should; in no other "
      "family.");
  MetricFamily self_request_age =
      gauge("pssst_self_request_age_seconds", "Since the last right self-request; +Inf: none yet.");
  for (const Report::Worker& worker : report.workers) {
    const ClientMetric::Label label = worker_label(worker);
    add(pending, {label}, worker.books.pending);
    add(seconds, {label}, tsc_seconds(worker.books.tsc_total));
    add(busy, {label}, tsc_seconds(worker.books.tsc_busy));
    add(self_requests, {label, {"result", "right"}}, worker.self_requests_right);
    add(self_requests, {label, {"result", "wrong"}}, worker.self_requests_wrong);
    add(self_request_age, {label}, age(worker.self_request_age_seconds));
  }
  for (MetricFamily* family : {&pending, &seconds, &busy, &self_requests, &self_request_age}) {
    to.put(std::move(*family));
  }
}

void add_services(Collection& to, const Report& report) {
  MetricFamily requests = counter("pssst_service_requests_total",
                                  "Requests that passed every check and reached the handler.");
  MetricFamily authenticated =
      counter("pssst_service_authenticated_requests_total",
              "Of pssst_service_requests_total, with client authentication.");
  MetricFamily replies = counter("pssst_service_replies_total", "Replies that the port took.");
  MetricFamily drops =
      counter("pssst_service_drops_total", "Datagrams for the service dropped, by reason.");
  for (const Report::Service& service : report.services) {
    const Labels labels{{"service", service.name},
                        {"udp_port", std::to_string(service.udp_port)},
                        {"handler", service.handler}};
    add(requests, labels, service.requests);
    add(authenticated, labels, service.authenticated);
    add(replies, labels, service.replied);
    for (std::size_t i = 1; i < service.drops.size(); ++i) {
      if (is_frame_drop(static_cast<DropReason>(i))) continue;
      Labels with_reason = labels;
      with_reason.push_back({"reason", std::string(kDropReasons.at(i).name)});
      add(drops, std::move(with_reason), service.drops.at(i));
    }
  }
  for (MetricFamily* family : {&requests, &authenticated, &replies, &drops}) {
    to.put(std::move(*family));
  }
}

/// A key that several services have is counted once for all of them.
void add_keys(Collection& to, const Report& report) {
  MetricFamily infos = gauge("pssst_service_key_info", "1; the service has the server key.");
  MetricFamily requests = counter("pssst_key_requests_total",
                                  "Requests opened by the server key and right in every check.");
  MetricFamily last_use = gauge("pssst_key_last_use_age_seconds",
                                "Since the server key's last request; +Inf: none yet.");
  std::set<std::string> seen;
  for (const Report::Service& service : report.services) {
    for (const Report::Service::Key& key : service.keys) {
      const Labels labels{{"fingerprint", key.fingerprint}, {"suite", suite_text(key.suite)}};
      Labels with_service = labels;
      with_service.push_back({"service", service.name});
      add(infos, std::move(with_service), 1.0);
      if (!seen.insert(key.fingerprint).second) continue;
      add(requests, labels, key.requests);
      add(last_use, labels, age(key.last_use_age_seconds));
    }
  }
  for (MetricFamily* family : {&infos, &requests, &last_use}) to.put(std::move(*family));
}

void add_suites(Collection& to, const Report& report) {
  MetricFamily requests = counter("pssst_suite_requests_total",
                                  "Requests that passed every check and reached the handler.");
  MetricFamily authenticated =
      counter("pssst_suite_authenticated_requests_total",
              "Of pssst_suite_requests_total, with client authentication.");
  MetricFamily replies = counter("pssst_suite_replies_total", "Replies that the port took.");
  for (const Report::Suite& suite : report.suites) {
    const Labels labels{{"suite", suite_text(suite.suite)}};
    add(requests, labels, suite.requests);
    add(authenticated, labels, suite.authenticated);
    add(replies, labels, suite.replied);
  }
  MetricFamily secrets = counter(
      "pssst_static_secrets_total",
      "Secrets of server key and enrolled client that suite 0xF002 needed: at hand, or computed.");
  add(secrets, {{"result", "found"}}, report.static_secrets_found);
  add(secrets, {{"result", "computed"}}, report.static_secrets_multiplied);
  for (MetricFamily* family : {&requests, &authenticated, &replies, &secrets}) {
    to.put(std::move(*family));
  }
}

/// What is counted once a request is not in one family with what is counted once a burst, nor the
/// whole with its parts.
void add_stages(Collection& to, const Report& report) {
  MetricFamily request =
      histogram("pssst_request_duration_seconds",
                "From a request's arrival at the worker to the reply at the port; once a request.");
  MetricFamily queue = histogram(
      "pssst_queue_duration_seconds",
      "From a request's arrival at the worker to the burst that takes it; once a request.");
  MetricFamily stages =
      histogram("pssst_stage_duration_seconds", "Where a burst's time goes; once a burst.");
  for (std::size_t i = 0; i < report.stages.size(); ++i) {
    const auto stage = static_cast<telemetry::Stage>(i);
    if (stage == telemetry::Stage::kRequest) {
      add(request, {}, report.stages.at(i));
    } else if (stage == telemetry::Stage::kQueue) {
      add(queue, {}, report.stages.at(i));
    } else {
      add(stages, {{"stage", std::string(telemetry::kStageNames.at(i))}}, report.stages.at(i));
    }
  }
  for (MetricFamily* family : {&request, &queue, &stages}) to.put(std::move(*family));
}

struct DeviceMetric {
  const char* name;
  const char* help;
  std::uint64_t DeviceStatistics::*entry;
};

constexpr DeviceMetric kDeviceCounters[] = {
    {"pssst_device_received_packets_total", "Packets that the device received.",
     &DeviceStatistics::received_packets},
    {"pssst_device_received_bytes_total", "Bytes that the device received.",
     &DeviceStatistics::received_bytes},
    {"pssst_device_sent_packets_total", "Packets that the device sent.",
     &DeviceStatistics::sent_packets},
    {"pssst_device_sent_bytes_total", "Bytes that the device sent.", &DeviceStatistics::sent_bytes},
    {"pssst_device_missed_total", "Packets lost because no descriptor was free.",
     &DeviceStatistics::missed},
    {"pssst_device_receive_errors_total", "Packets that the device received with errors.",
     &DeviceStatistics::errors_in},
    {"pssst_device_transmit_errors_total", "Packets that the device failed to send.",
     &DeviceStatistics::errors_out},
    {"pssst_device_no_buffers_total", "Times that no buffer was free for a packet.",
     &DeviceStatistics::no_buffers},
};

void add_devices(Collection& to, const Report& report) {
  // Kernel sockets have none.
  if (report.devices.empty()) return;
  MetricFamily link = gauge("pssst_device_link_up", "1 if the network device's link is up, or 0.");
  for (const DeviceStatistics& device : report.devices) {
    add(link, {{"device", device.name}}, device.link_up ? 1.0 : 0.0);
  }
  to.put(std::move(link));
  for (const DeviceMetric& metric : kDeviceCounters) {
    MetricFamily family = counter(metric.name, metric.help);
    for (const DeviceStatistics& device : report.devices) {
      add(family, {{"device", device.name}}, device.*metric.entry);
    }
    to.put(std::move(family));
  }
}

}  // namespace

std::vector<MetricFamily> to_metrics(const Report& report, const Health& health) {
  Collection families;
  add_server(families, report, health);
  if (report.store) add_store_metrics(*report.store, families.all());
  add_workers(families, report);
  add_worker_states(families, report);
  add_services(families, report);
  add_keys(families, report);
  add_suites(families, report);
  add_stages(families, report);
  add_devices(families, report);
  for (MetricFamily& family : handler_metrics(report)) families.put(std::move(family));
  return families.take();
}

std::string to_prometheus(const Report& report, const Health& health) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, to_metrics(report, health));
  return std::move(text).str();
}

}  // namespace pssst::server
