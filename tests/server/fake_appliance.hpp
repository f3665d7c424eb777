/// A running server to ask, without one.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "server/appliance.hpp"

namespace pssst::server {

/// Answers what it was told to.
class FakeAppliance final : public Appliance {
 public:
  void set(Report report) {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }
  void set(Health health) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(health);
  }

  [[nodiscard]] Report report() override {
    const std::lock_guard lock(mutex_);
    return report_;
  }
  [[nodiscard]] Health health() override {
    const std::lock_guard lock(mutex_);
    return health_;
  }
  [[nodiscard]] ReloadOutcome reload() override {
    const std::lock_guard lock(mutex_);
    ++reloads;
    return outcome;
  }
  std::chrono::seconds drain(std::optional<std::chrono::seconds> deadline) override {
    const std::lock_guard lock(mutex_);
    ++drains;
    drain_deadline = deadline;
    return deadline.value_or(std::chrono::seconds(30));
  }

  // For tests while nobody else asks.
  ReloadOutcome outcome;  ///< of the next reload
  int reloads = 0;
  int drains = 0;
  std::optional<std::chrono::seconds> drain_deadline;

 private:
  std::mutex mutex_;
  Report report_;
  Health health_;
};

/// Every number another, and the books balance.
inline Report::Worker busy_worker(unsigned cpu, unsigned i) {
  Report::Worker worker{.cpu = cpu, .books = {}, .stages = {}};
  Books& books = worker.books;
  books.answered = 3 * i;
  books.handed_to_kernel = 4 * i;
  books.replied = 500 * i;
  books.answered_without_reply = 20 * i;
  books.pending = i;
  for (std::size_t reason = 1; reason < kDropReasonCount; ++reason) {
    // The first stays at zero.
    auto& drops =
        is_frame_drop(static_cast<DropReason>(reason)) ? books.frame_drops : books.datagram_drops;
    drops.at(reason) = (reason - 1) * i;
  }
  books.datagrams =
      books.replied + books.answered_without_reply + books.pending + sum(books.datagram_drops);
  books.frames = books.datagrams + books.answered + books.handed_to_kernel + sum(books.frame_drops);
  std::uint64_t next = 10'000 * i;
  for (std::uint64_t Books::*entry :
       {&Books::missed, &Books::bytes_in, &Books::bytes_out, &Books::admitted_known,
        &Books::admitted_unknown, &Books::over_rate_admitted, &Books::replays,
        &Books::proofs_by_table, &Books::proofs_by_ladder, &Books::proof_tables_built,
        &Books::bursts, &Books::lanes, &Books::loops, &Books::loops_busy, &Books::tsc_busy,
        &Books::tsc_total}) {
    books.*entry = ++next;
  }
  for (std::uint64_t Books::*entry :
       {&Books::sent_for_kernel, &Books::kernel_lost, &Books::announced, &Books::captured,
        &Books::capture_missed, &Books::capture_unwritten}) {
    books.*entry = ++next;
  }
  worker.self_requests_right = 7 * i;
  worker.self_requests_wrong = i - 1;
  worker.self_request_age_seconds = i == 1 ? 0.25 : -1;
  for (std::size_t stage = 0; stage < worker.stages.size(); ++stage) {
    Durations& durations = worker.stages.at(stage);
    for (std::size_t bucket = 0; bucket < durations.buckets.size(); ++bucket) {
      durations.buckets.at(bucket) = (stage + 1) * (bucket + 1) * i;
      durations.count += durations.buckets.at(bucket);
    }
    durations.seconds = 0.5 * static_cast<double>(stage + 1) * i;
  }
  return worker;
}

inline void add_busy_services(Report& report) {
  const Report::Service::Key shared{
      .fingerprint = "0123456789abcdef", .requests = 71, .last_use_age_seconds = 1.5};
  const Report::Service::Key unused{.suite = kSuiteF002, .fingerprint = "fedcba9876543210"};
  report.services.push_back({.name = "meters",
                             .udp_port = 7700,
                             .addresses = {},
                             .handler = "echo",
                             .keys = {shared, unused},
                             .requests = 61,
                             .authenticated = 60,
                             .replied = 59});
  report.services[0].drops.at(static_cast<std::size_t>(DropReason::kTag)) = 5;
  report.services.push_back({.name = "odd \"name\"\\",
                             .udp_port = 7701,
                             .addresses = {},
                             .handler = "discard",
                             .keys = {shared},
                             .requests = 10});
}

/// Two workers, two services that share a key, a device.
inline Report busy_report() {
  Report report;
  report.x25519_kernel = "avx2";
  report.clients = 12;
  report.generation = 3;
  for (unsigned i = 1; i <= 2; ++i) {
    const Report::Worker& worker = report.workers.emplace_back(busy_worker(2 * i, i));
    report.total += worker.books;
    for (std::size_t stage = 0; stage < worker.stages.size(); ++stage) {
      report.stages.at(stage) += worker.stages.at(stage);
    }
  }
  add_busy_services(report);
  report.suites.push_back({.suite = kSuite1, .requests = 51, .authenticated = 50, .replied = 49});
  report.suites.push_back({.suite = kSuiteF002, .requests = 20, .authenticated = 2, .replied = 1});
  report.static_secrets_found = 8;
  report.static_secrets_multiplied = 9;
  report.devices.push_back({.name = "net_tap0",
                            .link_up = true,
                            .received_packets = 1001,
                            .received_bytes = 1002,
                            .sent_packets = 1003,
                            .sent_bytes = 1004,
                            .missed = 1005,
                            .errors_in = 1006,
                            .errors_out = 1007,
                            .no_buffers = 1008});
  return report;
}

}  // namespace pssst::server
