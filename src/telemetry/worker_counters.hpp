/// What a worker counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/counter.hpp"
#include "pssst/wire.hpp"
#include "telemetry/histogram.hpp"

namespace pssst::telemetry {

/// One service's share at one worker.
struct ServiceCounters {
  base::Counter requests;       ///< passed every check and reached the handler
  base::Counter authenticated;  ///< of these, with client authentication
  base::Counter replied;        ///< of these, with a reply that the port took
  base::DropCounters drops;     ///< of datagrams that were for this service

  /// For those who give the place to another service, when no worker uses it.
  void clear() noexcept {
    for (base::Counter* counter : {&requests, &authenticated, &replied}) counter->set(0);
    drops.clear();
  }
};

/// One server key's share at one worker.
struct KeyCounters {
  base::Counter requests;      ///< opened by this key, right in every check
  base::Counter last_use_tsc;  ///< TSC value at the last of them; 0: none yet

  /// For those who give the place to another key, when no worker uses it.
  void clear() noexcept {
    requests.set(0);
    last_use_tsc.set(0);
  }
};

/// Where a burst's time goes. kQueue and kRequest are counted once a request, the others once a
/// burst.
enum class Stage : std::uint8_t {
  kQueue,     ///< from arrival at the worker to the burst that takes it
  kMultiply,  ///< the scalar multiplications
  kOpen,      ///< key derivation and AEAD
  kProve,     ///< client lookup and proofs
  kDispatch,  ///< handlers
  kSeal,      ///< replies
  kTransmit,  ///< to the port
  kRequest,   ///< from arrival at the worker to the reply at the port
};
inline constexpr std::array<std::string_view, 8> kStageNames{
    "queue", "multiply", "open", "prove", "dispatch", "seal", "transmit", "request"};

/// The worker's own requests (src/server/self_request.hpp).
struct SelfRequestCounters {
  base::Counter right;           ///< came back as they should
  base::Counter wrong;           ///< did not
  base::Counter last_right_tsc;  ///< TSC value at the last right one; 0: none yet
};

/// Requests that their handlers answer after the burst.
struct LaterCounters {
  base::Counter asked;     ///< a handler said so
  base::Counter answered;  ///< and gave an answer in time, a reply or none
  base::Counter awaited;   ///< gauge: not answered yet, part of `pending`
  // Answers to no request that is awaited; they change nothing.
  base::Counter answers_twice;
  base::Counter answers_late;
  base::Counter answers_wrong;  ///< by a token that was never given, or not to this handler
};

/// Room for counters, made before the first packet: a service or a key that a reload brings takes a
/// free place.
inline constexpr std::size_t kServicesMax = 64;
/// The place behind them: of the worker's own requests, which is in no report.
inline constexpr std::size_t kSelfServiceSlot = kServicesMax;
inline constexpr std::size_t kServerKeysMax = 128;

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
  WorkerCounters()
      : services_(std::make_unique<ServiceCounters[]>(kServicesMax + 1)),
        keys_(std::make_unique<KeyCounters[]>(kServerKeysMax)) {}

  base::Counter replied;                 ///< replies that the port took
  base::Counter answered_without_reply;  ///< the handler had nothing to say
  base::Counter pending;                 ///< gauge: held by the worker, not yet settled
  base::DropCounters drops;              ///< after the port: datagram drops

  base::Counter admitted_known;    ///< from source prefixes with a recent valid request
  base::Counter admitted_unknown;  ///< from all others
  /// From prefixes over their rate, and admitted all the same: limits that only count.
  base::Counter over_rate_admitted;
  base::Counter replays;  ///< valid requests with a dh that was seen lately

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

  std::array<Histogram, kStageNames.size()> stages;  ///< by Stage, in TSC ticks
  SelfRequestCounters self_requests;
  LaterCounters later;

  /// By Service::slot.
  [[nodiscard]] std::span<ServiceCounters> services() noexcept {
    return {services_.get(), kServicesMax + 1};
  }
  [[nodiscard]] std::span<const ServiceCounters> services() const noexcept {
    return {services_.get(), kServicesMax + 1};
  }
  /// By Service::key_slots.
  [[nodiscard]] std::span<KeyCounters> keys() noexcept { return {keys_.get(), kServerKeysMax}; }
  [[nodiscard]] std::span<const KeyCounters> keys() const noexcept {
    return {keys_.get(), kServerKeysMax};
  }

 private:
  std::unique_ptr<ServiceCounters[]> services_;
  std::unique_ptr<KeyCounters[]> keys_;
};

}  // namespace pssst::telemetry
