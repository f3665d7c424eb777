#include "server/dispatcher.hpp"

#include <algorithm>
#include <bit>

#include "base/secret_memory.hpp"
#include "server/handler/attached_handler.hpp"

namespace pssst::server {
namespace {

/// Bytes of the longest reply that may be sent for this handler, in so much space.
std::size_t reply_limit(const HandlerTraits& traits, std::size_t space) noexcept {
  return traits.replies ? std::min(traits.reply_size_max, space) : 0;
}

}  // namespace

Dispatcher::LaneMask Dispatcher::find_targets(RequestBurst& burst,
                                              std::span<const Service* const> services) noexcept {
  LaneMask waiting = 0;
  for (std::size_t i = 0; i < burst.size; ++i) {
    burst.has_reply[i] = 0;
    if (burst.drop[i] != DropReason::kNone) continue;
    const Handler* const handler =
        services[i]->handler->for_message({burst.message[i], burst.message_size[i]});
    if (handler == nullptr) {
      burst.drop[i] = DropReason::kMessageType;
    } else if (handler->traits().needs_client && burst.client[i] == nullptr) {
      burst.drop[i] = DropReason::kPolicyAnonymous;
    } else {
      targets_[i] = {services[i], handler};
      waiting |= LaneMask{1} << i;
    }
  }
  return waiting;
}

Dispatcher::LaneMask Dispatcher::dispatch(RequestBurst& burst,
                                          std::span<const Service* const> services,
                                          std::span<telemetry::ServiceCounters> counters) noexcept {
  later_lanes_ = 0;
  LaneMask waiting = find_targets(burst, services);
  while (waiting != 0) {
    const Target target = targets_[static_cast<std::size_t>(std::countr_zero(waiting))];
    LaneMask lanes = 0;
    std::uint64_t authenticated = 0;
    for (LaneMask rest = waiting; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(rest));
      if (targets_[i] != target) continue;
      lanes |= LaneMask{1} << i;
      authenticated += burst.authenticated[i];
    }
    waiting &= ~lanes;

    hand_over(burst, lanes, target);
    telemetry::ServiceCounters& service = counters[target.service->slot];
    service.requests.add(static_cast<std::uint64_t>(std::popcount(lanes)));
    service.authenticated.add(authenticated);
  }
  return later_lanes_;
}

void Dispatcher::hand_over(RequestBurst& burst, LaneMask lanes, const Target& target) noexcept {
  // What a handler answers at once gives its place back to those that follow.
  while (lanes != 0) {
    const std::size_t n = gather(burst, lanes, *target.handler);
    if (n == 0) break;
    target.handler->handle_burst(worker_, std::span(messages_).first(n));
    scatter(burst, target, n);
  }
  for (; lanes != 0; lanes &= lanes - 1) {
    burst.drop[static_cast<std::size_t>(std::countr_zero(lanes))] = DropReason::kLaterFull;
  }
}

/// Takes lanes off the front of `lanes`, as many as may be answered later; their number.
std::size_t Dispatcher::gather(RequestBurst& burst, LaneMask& lanes,
                               const Handler& handler) noexcept {
  std::size_t n = 0;
  const HandlerTraits& traits = handler.traits();
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(lanes));
    std::uint64_t token = 0;
    if (traits.answers_later) {
      token = later_.reserve(static_cast<const AttachedHandler&>(handler));
      if (token == 0) break;
    }
    // A handler that writes less than it says must not send what an earlier reply left here: one
    // request would get two texts. What it may not send stays as it is. Not
    // std::memset(), of which GCC makes a slower `rep stos`.
    const std::span<std::uint8_t> space = burst.reply_space(i);
    base::wipe(space.data(), reply_limit(traits, space.size()));
    messages_[n] = HandlerMessage{.message = {burst.message[i], burst.message_size[i]},
                                  .suite = burst.suite[i],
                                  .client = burst.client[i],
                                  .reply_space = space,
                                  .token = token,
                                  .reply_size = {}};
    lane_of_message_[n++] = i;
  }
  return n;
}

void Dispatcher::scatter(RequestBurst& burst, const Target& target, std::size_t n) noexcept {
  const HandlerTraits& traits = target.handler->traits();
  for (std::size_t k = 0; k < n; ++k) {
    const HandlerMessage& message = messages_[k];
    const std::size_t i = lane_of_message_[k];
    burst.drop[i] = message.drop;
    take_later(burst, traits, k);
    if (!message.reply_size) continue;
    // Also of a lane that is dropped: what its handler wrote is wiped with the burst.
    burst.has_reply[i] = 1;
    burst.reply_size[i] = *message.reply_size;
    if (!traits.replies || *message.reply_size > reply_limit(traits, burst.reply_space(i).size())) {
      burst.drop[i] = DropReason::kReplyTooLong;
    } else if (!target.service->may_reply(burst.datagram_size[i],
                                          *message.reply_size + burst.reply_overhead[i])) {
      burst.drop[i] = DropReason::kReplyLimit;
    }
  }
}

void Dispatcher::take_later(RequestBurst& burst, const HandlerTraits& traits,
                            std::size_t k) noexcept {
  const HandlerMessage& message = messages_[k];
  const std::size_t i = lane_of_message_[k];
  if (message.later && traits.answers_later && message.drop == DropReason::kNone &&
      !message.reply_size) {
    later_lanes_ |= LaneMask{1} << i;
    later_tokens_[i] = message.token;
    return;
  }
  if (message.later) burst.drop[i] = DropReason::kHandlerMisbehaved;
  if (message.token != 0) later_.cancel(message.token);
}

}  // namespace pssst::server
