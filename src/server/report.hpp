/// The counters of all workers, added up for people and for programs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "identity/follower.hpp"
#include "net/device_statistics.hpp"
#include "net/port.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/keys.hpp"
#include "server/snapshot.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {

/// What became of every frame and of every datagram: of one worker, or of several added up.
struct Books {
  using Drops = std::array<std::uint64_t, kDropReasonCount>;  ///< by DropReason

  // The port's.
  std::uint64_t frames = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t answered = 0;
  std::uint64_t handed_to_kernel = 0;
  Drops frame_drops{};
  std::uint64_t missed = 0;
  std::uint64_t sent_for_kernel = 0;
  std::uint64_t announced = 0;
  std::uint64_t kernel_lost = 0;
  std::uint64_t captured = 0;
  std::uint64_t capture_missed = 0;
  std::uint64_t capture_unwritten = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;

  // The worker's.
  std::uint64_t replied = 0;
  std::uint64_t answered_without_reply = 0;
  std::uint64_t pending = 0;
  Drops datagram_drops{};
  std::uint64_t admitted_known = 0;
  std::uint64_t admitted_unknown = 0;
  std::uint64_t over_rate_admitted = 0;
  std::uint64_t replays = 0;
  std::uint64_t proofs_by_table = 0;
  std::uint64_t proofs_by_ladder = 0;
  std::uint64_t proof_tables_built = 0;
  std::uint64_t bursts = 0;
  std::uint64_t lanes = 0;
  std::uint64_t loops = 0;
  std::uint64_t loops_busy = 0;
  std::uint64_t tsc_total = 0;
  std::uint64_t tsc_busy = 0;

  Books& operator+=(const Books& other) noexcept;

  [[nodiscard]] Drops all_drops() const noexcept;

  /// frames = datagrams + answered + handed_to_kernel + frame drops, and
  /// datagrams = replied + answered_without_reply + pending + datagram drops.
  [[nodiscard]] bool balanced() const noexcept;
  /// Share of TSC time in loops that found work, 0 to 1. (CPU time tells nothing of a poller.)
  [[nodiscard]] double busy_share() const noexcept;
};

[[nodiscard]] std::uint64_t sum(const Books::Drops& drops) noexcept;

/// One worker's counters, where they are.
struct WorkerSource {
  unsigned cpu = 0;
  const net::PortCounters* port = nullptr;
  const telemetry::WorkerCounters* worker = nullptr;
};

[[nodiscard]] Books read_books(const WorkerSource& source) noexcept;
/// Reads while the worker works: again, a little later, as long as the worker was caught between
/// two stores. Books that never balance, in some hundred readings, are returned as they are.
[[nodiscard]] Books read_balanced_books(const WorkerSource& source) noexcept;

/// A distribution of durations, of one worker or of several added up.
struct Durations {
  std::array<std::uint64_t, telemetry::Histogram::kBuckets> buckets{};  ///< not cumulative
  std::uint64_t count = 0;
  double seconds = 0;  ///< sum

  Durations& operator+=(const Durations& other) noexcept;
};

using DeviceStatistics = net::DeviceStatistics;

struct Report {
  using Stages = std::array<Durations, telemetry::kStageNames.size()>;  ///< by telemetry::Stage

  struct Worker {
    unsigned cpu = 0;
    Books books;
    std::uint64_t self_requests_right = 0;
    std::uint64_t self_requests_wrong = 0;
    /// Since the last right one; negative: there was none yet.
    double self_request_age_seconds = -1;
    Stages stages;
  };
  /// Counts by what is counted.
  using Events = std::vector<std::pair<std::string_view, std::uint64_t>>;
  /// Of the handler `forward`.
  struct Backend {
    std::string address;
    bool is_usable = false;
    Events events{};
  };
  /// Requests that handlers answer after the burst.
  struct Later {
    Events events{};
    std::uint64_t awaited = 0;
  };
  struct Service {
    std::string name;
    std::uint16_t udp_port = 0;
    std::vector<std::string> addresses;  ///< empty: all
    std::string handler;
    ClientPolicy policy = ClientPolicy::kOptional;
    struct Key {
      std::uint16_t suite = kSuite1;
      PublicKey public_key{};
      std::string fingerprint;  ///< the first 16 digits of the public key
      std::uint64_t requests = 0;
      double last_use_age_seconds = -1;  ///< negative: not used yet
    };
    std::vector<Key> keys;
    std::uint64_t requests = 0;
    std::uint64_t authenticated = 0;
    std::uint64_t replied = 0;
    Books::Drops drops{};             ///< datagram drops only
    std::vector<Backend> backends{};  ///< of handlers that forward
  };
  struct Suite {
    std::uint16_t suite = kSuite1;
    std::uint64_t requests = 0;
    std::uint64_t authenticated = 0;
    std::uint64_t replied = 0;
  };
  std::vector<Worker> workers;
  std::vector<Service> services;
  std::vector<Suite> suites;  ///< all that there are
  std::uint64_t static_secrets_found = 0;
  std::uint64_t static_secrets_multiplied = 0;
  Later later;
  Stages stages;  ///< of all workers
  std::vector<DeviceStatistics> devices;
  std::uint64_t clients = 0;                      ///< enrolled
  std::optional<identity::FollowerStatus> store;  ///< of clients; none: they are in a list
  std::uint64_t generation = 1;  ///< 1: as started; each reload that was applied adds one
  std::string x25519_kernel;     ///< empty: not said
  Books total;

  /// Every worker's books balance.
  [[nodiscard]] bool balanced() const noexcept;
};

[[nodiscard]] Report collect_report(std::span<const WorkerSource> sources,
                                    const Snapshot& snapshot);

[[nodiscard]] std::string_view policy_text(ClientPolicy policy);
/// "1" or "0xF002".
[[nodiscard]] std::string suite_text(std::uint16_t suite);
/// As a public key file has it.
[[nodiscard]] std::string key_text(const Report::Service::Key& key);

/// Several lines; only drops that happened, with their texts.
[[nodiscard]] std::string to_text(const Report& report);
/// Every service's keys: a table with a line each, or one array on one line. `share` is of the
/// service's requests.
[[nodiscard]] std::string keys_to_text(const Report& report);
[[nodiscard]] std::string keys_to_json(const Report& report);
/// One object on one line.
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace pssst::server
