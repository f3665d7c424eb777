#include "server/report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <thread>

#include "base/hex.hpp"
#include "identity/key_file.hpp"

namespace pssst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kReadingsMax = 200;

std::uint64_t sum(const Books::Drops& drops) noexcept {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

void add(Books::Drops& to, const Books::Drops& from) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) to.at(i) += from.at(i);
}

Books::Drops read(const base::DropCounters& counters) noexcept {
  Books::Drops drops{};
  for (std::size_t i = 1; i < drops.size(); ++i) {
    drops.at(i) = counters.read(static_cast<DropReason>(i));
  }
  return drops;
}

Books::Drops all_drops(const Books& books) noexcept {
  Books::Drops drops = books.frame_drops;
  add(drops, books.datagram_drops);
  return drops;
}

Json to_json_value(const Books& books) {
  Json drops = Json::object();
  const Books::Drops counts = all_drops(books);
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts.at(i) != 0) drops[std::string(kDropReasons.at(i).name)] = counts.at(i);
  }
  return Json{{"frames", books.frames},
              {"datagrams", books.datagrams},
              {"answered", books.answered},
              {"handed_to_kernel", books.handed_to_kernel},
              {"replied", books.replied},
              {"answered_without_reply", books.answered_without_reply},
              {"pending", books.pending},
              {"drops", std::move(drops)},
              {"missed", books.missed},
              {"bytes_in", books.bytes_in},
              {"bytes_out", books.bytes_out},
              {"admitted_known", books.admitted_known},
              {"admitted_unknown", books.admitted_unknown},
              {"proofs_by_table", books.proofs_by_table},
              {"proofs_by_ladder", books.proofs_by_ladder},
              {"proof_tables_built", books.proof_tables_built},
              {"bursts", books.bursts},
              {"lanes", books.lanes},
              {"loops", books.loops},
              {"loops_busy", books.loops_busy},
              {"busy_share", books.busy_share()}};
}

std::string with_decimals(double value, int decimals) {
  std::array<char, 48> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.*f", decimals, value));
  return text.data();
}

std::string line(std::string_view name, std::uint64_t value, std::string_view note = {}) {
  std::string text = "  ";
  text += name;
  text.resize(std::max<std::size_t>(text.size() + 1, 26), ' ');
  const std::string digits = std::to_string(value);
  text.append(digits.size() < 14 ? 14 - digits.size() : 1, ' ');
  text += digits;
  if (!note.empty()) (text += "  ") += note;
  return text + '\n';
}

std::string suite_text(std::uint16_t suite) {
  return suite == kSuite1 ? "1" : "0xF002";
}

/// As a public key file has it.
std::string key_text(const Report::Service::Key& key) {
  return std::string(identity::key_prefix(key.suite)) + base::to_hex(key.public_key);
}

std::string drops_text(const Books::Drops& drops) {
  std::string text;
  for (std::size_t i = 1; i < drops.size(); ++i) {
    if (drops.at(i) == 0) continue;
    text += line("  " + std::string(kDropReasons.at(i).name), drops.at(i), kDropReasons.at(i).text);
  }
  return text;
}

std::string proofs_text(const Books& books) {
  return line("proofs checked", books.proofs_by_table + books.proofs_by_ladder,
              std::to_string(books.proofs_by_table) + " by table, " +
                  std::to_string(books.proof_tables_built) + " tables built");
}

std::string activity_text(const Books& books) {
  const double lanes_per_burst =
      books.bursts == 0 ? 0 : static_cast<double>(books.lanes) / static_cast<double>(books.bursts);
  return line("bursts", books.bursts, with_decimals(lanes_per_burst, 1) + " lanes each") +
         line("loops", books.loops, with_decimals(100 * books.busy_share(), 1) + " % of time busy");
}

}  // namespace

Books& Books::operator+=(const Books& other) noexcept {
  frames += other.frames;
  datagrams += other.datagrams;
  answered += other.answered;
  handed_to_kernel += other.handed_to_kernel;
  add(frame_drops, other.frame_drops);
  missed += other.missed;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  replied += other.replied;
  answered_without_reply += other.answered_without_reply;
  pending += other.pending;
  add(datagram_drops, other.datagram_drops);
  admitted_known += other.admitted_known;
  admitted_unknown += other.admitted_unknown;
  proofs_by_table += other.proofs_by_table;
  proofs_by_ladder += other.proofs_by_ladder;
  proof_tables_built += other.proof_tables_built;
  bursts += other.bursts;
  lanes += other.lanes;
  loops += other.loops;
  loops_busy += other.loops_busy;
  tsc_total += other.tsc_total;
  tsc_busy += other.tsc_busy;
  return *this;
}

bool Books::balanced() const noexcept {
  return frames == datagrams + answered + handed_to_kernel + sum(frame_drops) &&
         datagrams == replied + answered_without_reply + pending + sum(datagram_drops);
}

Durations& Durations::operator+=(const Durations& other) noexcept {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets.at(i) += other.buckets.at(i);
  count += other.count;
  seconds += other.seconds;
  return *this;
}

double Books::busy_share() const noexcept {
  return tsc_total == 0 ? 0 : static_cast<double>(tsc_busy) / static_cast<double>(tsc_total);
}

Books read_books(const WorkerSource& source) noexcept {
  const net::PortCounters& port = *source.port;
  const telemetry::WorkerCounters& worker = *source.worker;
  Books books;
  books.frames = port.frames.read();
  books.datagrams = port.datagrams.read();
  books.answered = port.answered.read();
  books.handed_to_kernel = port.handed_to_kernel.read();
  books.frame_drops = read(port.drops);
  books.missed = port.missed.read();
  books.bytes_in = port.bytes_in.read();
  books.bytes_out = port.bytes_out.read();
  books.replied = worker.replied.read();
  books.answered_without_reply = worker.answered_without_reply.read();
  books.pending = worker.pending.read();
  books.datagram_drops = read(worker.drops);
  books.admitted_known = worker.admitted_known.read();
  books.admitted_unknown = worker.admitted_unknown.read();
  books.proofs_by_table = worker.proofs_by_table.read();
  books.proofs_by_ladder = worker.proofs_by_ladder.read();
  books.proof_tables_built = worker.proof_tables_built.read();
  books.bursts = worker.bursts.read();
  books.lanes = worker.lanes.read();
  books.loops = worker.loops.read();
  books.loops_busy = worker.loops_busy.read();
  books.tsc_total = worker.tsc_total.read();
  books.tsc_busy = worker.tsc_busy.read();
  return books;
}

Books read_balanced_books(const WorkerSource& source) noexcept {
  Books books = read_books(source);
  for (int reading = 1; !books.balanced() && reading < kReadingsMax; ++reading) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    books = read_books(source);
  }
  return books;
}

bool Report::balanced() const noexcept {
  return std::all_of(workers.begin(), workers.end(),
                     [](const Worker& worker) { return worker.books.balanced(); });
}

Report collect_report(std::span<const WorkerSource> sources, const Snapshot& snapshot) {
  Report report;
  for (const Service& service : snapshot.services()) {
    report.services.push_back({.name = "udp-" + std::to_string(service.udp_port),
                               .udp_port = service.udp_port,
                               .addresses = {},
                               .handler = std::string(service.handler->traits().name),
                               .keys = {}});
    for (const ServerKey& key : service.keys) {
      report.services.back().keys.push_back(
          {.suite = key.suite(), .public_key = key.public_key(), .fingerprint = {}});
    }
  }
  for (const std::uint16_t suite : telemetry::kCountedSuites) {
    report.suites.push_back({.suite = suite});
  }
  for (const WorkerSource& source : sources) {
    report.workers.push_back(
        {.cpu = source.cpu, .books = read_balanced_books(source), .stages = {}});
    report.total += report.workers.back().books;
    const auto counters = source.worker->services();
    for (std::size_t i = 0; i < report.services.size() && i < counters.size(); ++i) {
      report.services[i].requests += counters[i].requests.read();
      report.services[i].authenticated += counters[i].authenticated.read();
      report.services[i].replied += counters[i].replied.read();
    }
    for (std::size_t i = 0; i < report.suites.size(); ++i) {
      const telemetry::SuiteCounters& suite = source.worker->suites.at(i);
      report.suites[i].requests += suite.requests.read();
      report.suites[i].authenticated += suite.authenticated.read();
      report.suites[i].replied += suite.replied.read();
    }
    report.static_secrets_found += source.worker->static_secrets_found.read();
    report.static_secrets_multiplied += source.worker->static_secrets_multiplied.read();
  }
  return report;
}

std::string to_text(const Report& report) {
  const Books& total = report.total;
  std::string text = "counters of " + std::to_string(report.workers.size()) +
                     (report.workers.size() == 1 ? " worker\n" : " workers\n");
  text += line("frames", total.frames);
  text += line("answered on L2/L3", total.answered);
  text += line("handed to the kernel", total.handed_to_kernel);
  text += line("datagrams", total.datagrams, std::to_string(total.bytes_in) + " bytes");
  text += line("replied", total.replied, std::to_string(total.bytes_out) + " bytes");
  text += line("answered without reply", total.answered_without_reply);
  text += line("pending", total.pending);
  const Books::Drops drops = all_drops(total);
  text += line("dropped", sum(drops));
  text += drops_text(drops);
  text += line("missed", total.missed, "lost before the server; not in the books");
  text += proofs_text(total);
  text += activity_text(total);
  if (report.workers.size() > 1) {
    for (const Report::Worker& worker : report.workers) {
      text += "worker on CPU " + std::to_string(worker.cpu) + '\n';
      text += line("datagrams", worker.books.datagrams);
      text += activity_text(worker.books);
    }
  }
  for (const Report::Service& service : report.services) {
    text += "service at UDP port " + std::to_string(service.udp_port) + " (" + service.handler;
    for (const Report::Service::Key& key : service.keys) text += ", public key " + key_text(key);
    text += ")\n";
    text += line("requests", service.requests,
                 std::to_string(service.authenticated) + " client-authenticated");
    text += line("replied", service.replied);
  }
  for (const Report::Suite& suite : report.suites) {
    if (suite.requests == 0) continue;
    text += "suite " + suite_text(suite.suite) + '\n';
    text += line("requests", suite.requests,
                 std::to_string(suite.authenticated) + " client-authenticated");
    text += line("replied", suite.replied);
    if (suite.suite == kSuiteF002) {
      text += line("client secrets found", report.static_secrets_found);
      text += line("client secrets computed", report.static_secrets_multiplied);
    }
  }
  text += report.balanced() ? "the books balance\n" : "THE BOOKS DO NOT BALANCE\n";
  return text;
}

std::string to_json(const Report& report) {
  Json workers = Json::array();
  for (const Report::Worker& worker : report.workers) {
    Json value{{"cpu", worker.cpu}};
    value.update(to_json_value(worker.books));
    workers.push_back(std::move(value));
  }
  Json services = Json::array();
  for (const Report::Service& service : report.services) {
    Json keys = Json::array();
    for (const Report::Service::Key& key : service.keys) keys.push_back(key_text(key));
    services.push_back({{"udp_port", service.udp_port},
                        {"handler", service.handler},
                        {"public_keys", std::move(keys)},
                        {"requests", service.requests},
                        {"authenticated", service.authenticated},
                        {"replied", service.replied}});
  }
  Json suites = Json::array();
  for (const Report::Suite& suite : report.suites) {
    suites.push_back({{"suite", suite_text(suite.suite)},
                      {"requests", suite.requests},
                      {"authenticated", suite.authenticated},
                      {"replied", suite.replied}});
  }
  const Json value{{"version", PSSST_VERSION},
                   {"workers", std::move(workers)},
                   {"services", std::move(services)},
                   {"suites", std::move(suites)},
                   {"static_secrets_found", report.static_secrets_found},
                   {"static_secrets_multiplied", report.static_secrets_multiplied},
                   {"total", to_json_value(report.total)},
                   {"books_balance", report.balanced()}};
  return value.dump();
}

}  // namespace pssst::server
