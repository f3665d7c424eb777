#include "server/report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <thread>

#include "base/hex.hpp"
#include "base/tsc.hpp"
#include "server/report_handlers.hpp"

namespace pssst::server {
namespace {

constexpr int kReadingsMax = 200;

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

double seconds_since(std::uint64_t tsc) noexcept {
  const std::uint64_t now = base::read_tsc();
  return now <= tsc ? 0 : static_cast<double>(now - tsc) / static_cast<double>(base::tsc_hz());
}

Durations read(const telemetry::Histogram& histogram) noexcept {
  Durations durations;
  for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
    durations.buckets.at(i) = histogram.read_bucket(i);
    durations.count += durations.buckets.at(i);
  }
  durations.seconds =
      static_cast<double>(histogram.read_ticks()) / static_cast<double>(base::tsc_hz());
  return durations;
}

std::string fingerprint_of(const PublicKey& key) {
  return base::to_hex(std::span(key).first(8));
}

Report::Service describe(const Service& service) {
  Report::Service described{.name = service.name,
                            .udp_port = service.udp_port,
                            .addresses = {},
                            .handler = std::string(service.handler->traits().name),
                            .policy = service.policy,
                            .keys = {}};
  for (const Address& address : service.addresses) {
    described.addresses.push_back(to_string(address));
  }
  for (const ServerKey& key : service.keys) {
    described.keys.push_back({.suite = key.suite(),
                              .public_key = key.public_key(),
                              .fingerprint = fingerprint_of(key.public_key())});
  }
  return described;
}

Report::Worker read_worker(const WorkerSource& source) {
  Report::Worker worker{.cpu = source.cpu, .books = read_balanced_books(source), .stages = {}};
  const telemetry::SelfRequestCounters& own = source.worker->self_requests;
  worker.self_requests_right = own.right.read();
  worker.self_requests_wrong = own.wrong.read();
  if (const std::uint64_t tsc = own.last_right_tsc.read(); tsc != 0) {
    worker.self_request_age_seconds = seconds_since(tsc);
  }
  for (std::size_t i = 0; i < worker.stages.size(); ++i) {
    worker.stages.at(i) = read(source.worker->stages.at(i));
  }
  return worker;
}

/// Adds what one worker counted for it.
void add_service(Report::Service& to, const Service& service,
                 const telemetry::WorkerCounters& worker) {
  const telemetry::ServiceCounters& counters = worker.services()[service.slot];
  to.requests += counters.requests.read();
  to.authenticated += counters.authenticated.read();
  to.replied += counters.replied.read();
  add(to.drops, read(counters.drops));
  for (std::size_t i = 0; i < to.keys.size(); ++i) {
    const telemetry::KeyCounters& key = worker.keys()[service.key_slots[i]];
    to.keys[i].requests += key.requests.read();
    const std::uint64_t tsc = key.last_use_tsc.read();
    if (tsc == 0) continue;
    const double age = seconds_since(tsc);
    double& known = to.keys[i].last_use_age_seconds;
    known = known < 0 ? age : std::min(known, age);
  }
}

void add_suites(Report& report, const telemetry::WorkerCounters& worker) {
  for (std::size_t i = 0; i < report.suites.size(); ++i) {
    const telemetry::SuiteCounters& suite = worker.suites.at(i);
    report.suites[i].requests += suite.requests.read();
    report.suites[i].authenticated += suite.authenticated.read();
    report.suites[i].replied += suite.replied.read();
  }
  report.static_secrets_found += worker.static_secrets_found.read();
  report.static_secrets_multiplied += worker.static_secrets_multiplied.read();
}

}  // namespace

Books& Books::operator+=(const Books& other) noexcept {
  frames += other.frames;
  datagrams += other.datagrams;
  answered += other.answered;
  handed_to_kernel += other.handed_to_kernel;
  add(frame_drops, other.frame_drops);
  missed += other.missed;
  sent_for_kernel += other.sent_for_kernel;
  announced += other.announced;
  kernel_lost += other.kernel_lost;
  captured += other.captured;
  capture_missed += other.capture_missed;
  capture_unwritten += other.capture_unwritten;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  replied += other.replied;
  answered_without_reply += other.answered_without_reply;
  pending += other.pending;
  add(datagram_drops, other.datagram_drops);
  admitted_known += other.admitted_known;
  admitted_unknown += other.admitted_unknown;
  over_rate_admitted += other.over_rate_admitted;
  replays += other.replays;
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

std::uint64_t sum(const Books::Drops& drops) noexcept {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

Books::Drops Books::all_drops() const noexcept {
  Drops drops = frame_drops;
  add(drops, datagram_drops);
  return drops;
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
  books.sent_for_kernel = port.sent_for_kernel.read();
  books.announced = port.announced.read();
  books.kernel_lost = port.kernel_lost.read();
  books.captured = port.captured.read();
  books.capture_missed = port.capture_missed.read();
  books.capture_unwritten = port.capture_unwritten.read();
  books.bytes_in = port.bytes_in.read();
  books.bytes_out = port.bytes_out.read();
  books.replied = worker.replied.read();
  books.answered_without_reply = worker.answered_without_reply.read();
  books.pending = worker.pending.read();
  books.datagram_drops = read(worker.drops);
  books.admitted_known = worker.admitted_known.read();
  books.admitted_unknown = worker.admitted_unknown.read();
  books.over_rate_admitted = worker.over_rate_admitted.read();
  books.replays = worker.replays.read();
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
  report.clients = snapshot.clients().size();
  report.later = later_of(sources);
  for (const Service& service : snapshot.services()) {
    report.services.push_back(describe(service));
    report.services.back().backends = backends_of(*service.handler);
  }
  for (const std::uint16_t suite : telemetry::kCountedSuites) {
    report.suites.push_back({.suite = suite});
  }
  for (const WorkerSource& source : sources) {
    report.workers.push_back(read_worker(source));
    report.total += report.workers.back().books;
    for (std::size_t i = 0; i < report.stages.size(); ++i) {
      report.stages.at(i) += report.workers.back().stages.at(i);
    }
    for (const Service& service : snapshot.services()) {
      add_service(report.services[service.index], service, *source.worker);
    }
    add_suites(report, *source.worker);
  }
  return report;
}

}  // namespace pssst::server
