/// From opened requests to replies: handlers by service, and by message type.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pssst/handler.hpp"
#include "pssst/request_burst.hpp"
#include "server/config/service.hpp"
#include "server/handler/later_replies.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {

/// One per worker: it owns the messages that handlers see.
class Dispatcher {
 public:
  using LaneMask = std::uint64_t;
  static_assert(kBurstLanesMax <= 64);

  /// Of worker `worker`; `later` must outlive it.
  Dispatcher(std::size_t worker, LaterReplies& later) noexcept : worker_(worker), later_(later) {}

  /// Calls each handler once with all live lanes that are its; one that answers later with as many
  /// at once as it may be awaited for, again and again, until all were its or none may be. Sets
  /// has_reply and reply_size of every lane; drops those that have no handler, those whose handler
  /// needs a client and has none, those whose handler did what it had not declared, and those whose
  /// reply's datagram would be longer than the service's limit allows for the request.
  /// `services[i]` is lane i's, for i < burst.size. Returns the lanes that are answered later,
  /// under later_token().
  LaneMask dispatch(RequestBurst& burst, std::span<const Service* const> services,
                    std::span<telemetry::ServiceCounters> counters) noexcept;

  /// Of a lane that dispatch() returned: reserved in the LaterReplies, to be kept there.
  [[nodiscard]] std::uint64_t later_token(std::size_t lane) const noexcept {
    return later_tokens_[lane];
  }

 private:
  /// Whom a lane is for.
  struct Target {
    const Service* service = nullptr;
    const Handler* handler = nullptr;
    bool operator==(const Target&) const = default;
  };

  [[nodiscard]] LaneMask find_targets(RequestBurst& burst,
                                      std::span<const Service* const> services) noexcept;
  void hand_over(RequestBurst& burst, LaneMask lanes, const Target& target) noexcept;
  [[nodiscard]] std::size_t gather(RequestBurst& burst, LaneMask& lanes,
                                   const Handler& handler) noexcept;
  void scatter(RequestBurst& burst, const Target& target, std::size_t n) noexcept;
  void take_later(RequestBurst& burst, const HandlerTraits& traits, std::size_t k) noexcept;

  const std::size_t worker_;
  LaterReplies& later_;
  std::array<Target, kBurstLanesMax> targets_{};
  std::array<HandlerMessage, kBurstLanesMax> messages_{};
  std::array<std::size_t, kBurstLanesMax> lane_of_message_{};
  std::array<std::uint64_t, kBurstLanesMax> later_tokens_{};
  LaneMask later_lanes_ = 0;
};

}  // namespace pssst::server
