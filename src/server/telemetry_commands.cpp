#include "server/telemetry_commands.hpp"

#include <string>
#include <utility>

namespace pssst::server {
namespace {

net::TelemetryFields fields_of(const Books::Drops& drops) {
  net::TelemetryFields fields;
  for (std::size_t i = 1; i < drops.size(); ++i) {
    if (drops.at(i) != 0) fields.emplace_back(kDropReasons.at(i).name, drops.at(i));
  }
  return fields;
}

net::TelemetryReply stats_of(const Report& report) {
  const Books& total = report.total;
  net::TelemetryReply reply;
  reply.fields = {{"version", std::string(PSSST_VERSION)},
                  {"workers", std::uint64_t{report.workers.size()}},
                  {"clients", report.clients},
                  {"generation", report.generation},
                  {"books_balance", std::uint64_t{report.balanced() ? 1U : 0U}},
                  {"frames", total.frames},
                  {"datagrams", total.datagrams},
                  {"answered", total.answered},
                  {"handed_to_kernel", total.handed_to_kernel},
                  {"replied", total.replied},
                  {"answered_without_reply", total.answered_without_reply},
                  {"pending", total.pending},
                  {"dropped", sum(total.all_drops())},
                  {"missed", total.missed},
                  {"sent_for_kernel", total.sent_for_kernel},
                  {"announced", total.announced},
                  {"kernel_lost", total.kernel_lost},
                  {"captured", total.captured},
                  {"capture_missed", total.capture_missed},
                  {"capture_unwritten", total.capture_unwritten},
                  {"bytes_in", total.bytes_in},
                  {"bytes_out", total.bytes_out},
                  {"bursts", total.bursts},
                  {"lanes", total.lanes},
                  {"loops", total.loops},
                  {"loops_busy", total.loops_busy},
                  {"tsc_total", total.tsc_total},
                  {"tsc_busy", total.tsc_busy}};
  reply.objects.emplace_back("drops", fields_of(total.all_drops()));
  return reply;
}

net::TelemetryReply services_of(const Report& report) {
  net::TelemetryReply reply;
  for (const Report::Service& service : report.services) {
    const net::TelemetryFields fields{{"name", service.name},
                                      {"udp_port", std::uint64_t{service.udp_port}},
                                      {"handler", service.handler},
                                      {"requests", service.requests},
                                      {"authenticated", service.authenticated},
                                      {"replied", service.replied},
                                      {"dropped", sum(service.drops)}};
    reply.objects.emplace_back(std::to_string(reply.objects.size()), fields);
  }
  return reply;
}

net::TelemetryReply health_of(const Health& health) {
  net::TelemetryReply reply;
  reply.fields.emplace_back("ready", std::uint64_t{health.ready ? 1U : 0U});
  reply.lists.emplace_back("problems", health.problems);
  return reply;
}

}  // namespace

std::vector<net::TelemetryCommand> telemetry_commands(Appliance& appliance) {
  return {{.name = "/pssst/stats",
           .help = "Counters of all workers, added up. Takes no parameters",
           .answer = [&appliance] { return stats_of(appliance.report()); }},
          {.name = "/pssst/services",
           .help = "Counters of each service. Takes no parameters",
           .answer = [&appliance] { return services_of(appliance.report()); }},
          {.name = "/pssst/health",
           .help = "Whether the server is ready. Takes no parameters",
           .answer = [&appliance] { return health_of(appliance.health()); }}};
}

}  // namespace pssst::server
