#include "server/dispatcher.hpp"

#include <algorithm>
#include <bit>

#include "base/secret_memory.hpp"

namespace pssst::server {
namespace {

/// Bytes of the longest reply that may be sent for this handler, in so much space.
std::size_t reply_limit(const HandlerTraits& traits, std::size_t space) noexcept {
  return traits.replies ? std::min(traits.reply_size_max, space) : 0;
}

}  // namespace

void Dispatcher::dispatch(RequestBurst& burst, std::span<const Service* const> services,
                          std::span<telemetry::ServiceCounters> counters) noexcept {
  LaneMask waiting = 0;
  for (std::size_t i = 0; i < burst.size; ++i) {
    burst.has_reply[i] = 0;
    if (burst.drop[i] == DropReason::kNone) waiting |= LaneMask{1} << i;
  }
  while (waiting != 0) {
    const Service& service = *services[static_cast<std::size_t>(std::countr_zero(waiting))];
    LaneMask lanes = 0;
    std::uint64_t authenticated = 0;
    for (LaneMask rest = waiting; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(rest));
      if (services[i] != &service) continue;
      lanes |= LaneMask{1} << i;
      authenticated += burst.authenticated[i];
    }
    waiting &= ~lanes;

    const std::size_t n = gather(burst, lanes, service);
    service.handler->handle_burst(std::span(messages_).first(n));
    scatter(burst, service, n);
    counters[service.slot].requests.add(n);
    counters[service.slot].authenticated.add(authenticated);
  }
}

std::size_t Dispatcher::gather(RequestBurst& burst, LaneMask lanes,
                               const Service& service) noexcept {
  std::size_t n = 0;
  const HandlerTraits& traits = service.handler->traits();
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(lanes));
    // A handler that writes less than it says must not send what an earlier reply left here: one
    // request would get two texts. What it may not send stays as it is. Not
    // std::memset(), of which GCC makes a slower `rep stos`.
    const std::span<std::uint8_t> space = burst.reply_space(i);
    base::wipe(space.data(), reply_limit(traits, space.size()));
    messages_[n] = HandlerMessage{.message = {burst.message[i], burst.message_size[i]},
                                  .suite = burst.suite[i],
                                  .client = burst.client[i],
                                  .reply_space = space,
                                  .reply_size = {}};
    lane_of_message_[n++] = i;
  }
  return n;
}

void Dispatcher::scatter(RequestBurst& burst, const Service& service, std::size_t n) noexcept {
  const HandlerTraits& traits = service.handler->traits();
  for (std::size_t k = 0; k < n; ++k) {
    const std::optional<std::size_t> reply_size = messages_[k].reply_size;
    if (!reply_size) continue;
    const std::size_t i = lane_of_message_[k];
    // Also of a lane that is dropped: what its handler wrote is wiped with the burst.
    burst.has_reply[i] = 1;
    burst.reply_size[i] = *reply_size;
    if (!traits.replies || *reply_size > reply_limit(traits, burst.reply_space(i).size())) {
      burst.drop[i] = DropReason::kReplyTooLong;
    } else if (100 * (*reply_size + burst.reply_overhead[i]) >
               std::size_t{service.reply_limit} * burst.datagram_size[i]) {
      burst.drop[i] = DropReason::kReplyLimit;
    }
  }
}

}  // namespace pssst::server
