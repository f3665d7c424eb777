/// From opened requests to replies: handlers by service.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pssst/handler.hpp"
#include "pssst/request_burst.hpp"
#include "server/config/service.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {

/// One per worker: it owns the messages that handlers see.
class Dispatcher {
 public:
  /// Calls the handler of each service once with all live lanes of that service. Sets has_reply and
  /// reply_size of every lane; a reply that its handler did not declare, because it is longer than
  /// its traits or its space say or because it never replies, drops the lane, and so does one whose
  /// datagram would be longer than the service's limit allows for the request. `services[i]` is
  /// lane i's, for i < burst.size.
  void dispatch(RequestBurst& burst, std::span<const Service* const> services,
                std::span<telemetry::ServiceCounters> counters) noexcept;

 private:
  using LaneMask = std::uint64_t;
  static_assert(kBurstLanesMax <= 64);

  [[nodiscard]] std::size_t gather(RequestBurst& burst, LaneMask lanes,
                                   const Service& service) noexcept;
  void scatter(RequestBurst& burst, const Service& service, std::size_t n) noexcept;

  std::array<HandlerMessage, kBurstLanesMax> messages_{};
  std::array<std::size_t, kBurstLanesMax> lane_of_message_{};
};

}  // namespace pssst::server
