/// What a worker counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/counter.hpp"
#include "pssst/wire.hpp"

namespace pssst::telemetry {

/// One service's share at one worker.
struct ServiceCounters {
  base::Counter requests;       ///< passed every check and reached the handler
  base::Counter authenticated;  ///< of these, with client authentication
  base::Counter replied;        ///< of these, with a reply that the port took
};

/// One suite's share at one worker: the same, of all services together.
struct SuiteCounters {
  base::Counter requests;
  base::Counter authenticated;
  base::Counter replied;
};

/// Suites that are counted, and the place of each.
inline constexpr std::array<std::uint16_t, 2> kCountedSuites{kSuite1, kSuiteF002};
[[nodiscard]] constexpr std::size_t suite_place(std::uint16_t suite) noexcept {
  return suite == kSuite1 ? 0 : 1;
}

/// One worker's share of the books:
///
///     datagrams = replied + answered_without_reply + pending + drops
///
/// where `datagrams` is what its port handed to it. Written by that worker alone. Each settled
/// datagram is moved from pending to where it belongs at once, so that a reader who finds the
/// books out of balance has caught the worker between two stores and reads again.
class alignas(64) WorkerCounters {
 public:
  explicit WorkerCounters(std::size_t services)
      : services_(std::make_unique<ServiceCounters[]>(services)), service_count_(services) {}

  base::Counter replied;                 ///< replies that the port took
  base::Counter answered_without_reply;  ///< the handler had nothing to say
  base::Counter pending;                 ///< gauge: held by the worker, not yet settled
  base::DropCounters drops;              ///< after the port: datagram drops

  base::Counter admitted_known;    ///< from source prefixes with a recent valid request
  base::Counter admitted_unknown;  ///< from all others

  base::Counter proofs_by_table;     ///< checked by what was precomputed of the client's key
  base::Counter proofs_by_ladder;    ///< checked by a second multiplication
  base::Counter proof_tables_built;  ///< of clients that came back
  std::array<SuiteCounters, kCountedSuites.size()> suites;  ///< by suite_place()
  // Of client-authenticated requests of suite 0xF002 from enrolled clients:
  base::Counter static_secrets_found;       ///< X25519(s, C) was at hand
  base::Counter static_secrets_multiplied;  ///< it was computed for the request

  base::Counter bursts;
  base::Counter lanes;  ///< of all bursts; lanes / bursts is the mean burst size

  base::Counter loops;
  base::Counter loops_busy;  ///< of these, those that found work
  base::Counter tsc_total;   ///< TSC ticks since the worker's first loop
  base::Counter tsc_busy;    ///< of these, in loops that found work

  [[nodiscard]] std::span<ServiceCounters> services() noexcept {
    return {services_.get(), service_count_};
  }
  [[nodiscard]] std::span<const ServiceCounters> services() const noexcept {
    return {services_.get(), service_count_};
  }

 private:
  std::unique_ptr<ServiceCounters[]> services_;
  std::size_t service_count_;
};

}  // namespace pssst::telemetry
