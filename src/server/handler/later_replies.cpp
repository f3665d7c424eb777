#include "server/handler/later_replies.hpp"

#include <functional>
#include <string>

#include "base/assert.hpp"
#include "base/tsc.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {
namespace {

std::size_t name_of(const Service& service) noexcept {
  return std::hash<std::string>()(service.name);
}

}  // namespace

LaterReplies::LaterReplies(std::size_t worker, std::size_t capacity)
    : worker_(worker),
      places_(capacity, LaterToken::kGenerationMax),
      states_(capacity),
      deadlines_(capacity, kNever),
      requests_(base::make_secret_array<Request>(capacity)) {
  PSSST_ASSERT(capacity <= LaterToken::kPlacesMax && worker < LaterToken::kWorkersMax);
}

std::uint64_t LaterReplies::reserve(const AttachedHandler& handler) noexcept {
  std::uint32_t& of_handler = by_handler_[handler.place()];
  if (of_handler >= handler.limits().in_flight) return 0;
  const auto place = places_.take();
  if (!place) return 0;
  ++of_handler;
  State& state = states_[*place];
  state.ticks =
      static_cast<std::uint64_t>(handler.limits().deadline.count()) * base::tsc_hz() / 1000;
  state.handler = static_cast<std::uint16_t>(handler.place());
  return LaterToken{.worker = worker_, .place = *place, .generation = places_.generation(*place)}
      .pack();
}

std::size_t LaterReplies::place_of(std::uint64_t token) const noexcept {
  const LaterToken unpacked = LaterToken::unpack(token);
  PSSST_ASSERT(places_.fate(unpacked.place, unpacked.generation) == TokenFate::kAwaited);
  return unpacked.place;
}

void LaterReplies::cancel(std::uint64_t token) noexcept {
  free(place_of(token), true);
}

void LaterReplies::keep(std::uint64_t token, const RequestBurst& burst, std::size_t lane,
                        const net::Datagram& datagram, std::uint64_t arrival_tsc,
                        const Service& service, std::uint64_t now) noexcept {
  const std::size_t place = place_of(token);
  State& state = states_[place];
  state.kept = true;
  state.service_name = name_of(service);
  Request& request = requests_[place];
  request.datagram = datagram;
  request.arrival_tsc = arrival_tsc;
  request.service_slot = service.slot;
  request.reply_size_max = std::size_t{service.reply_limit} * datagram.size / 100;
  burst.keep(lane, request.sealing);
  deadlines_[place] = now + state.ticks;
  next_deadline_ = std::min(next_deadline_, deadlines_[place]);
  ++awaited_;
}

TokenFate LaterReplies::claim(const Answer& answer, std::size_t& place) noexcept {
  const LaterToken token = LaterToken::unpack(answer.token);
  if (token.worker != worker_ || token.place >= states_.size() ||
      states_[token.place].handler != answer.handler) {
    return TokenFate::kWrong;
  }
  const TokenFate fate = places_.fate(token.place, token.generation);
  if (fate != TokenFate::kAwaited) return fate;
  places_.claim(token.place);
  place = token.place;
  return fate;
}

void LaterReplies::free(std::size_t place, bool answered) noexcept {
  PSSST_ASSERT(places_.is_used(place));
  State& state = states_[place];
  if (state.kept) {
    --awaited_;
    base::wipe_object(requests_[place]);
  }
  --by_handler_[state.handler];
  state.kept = false;
  deadlines_[place] = kNever;
  places_.free(place, answered);
}

void LaterReplies::update(const Snapshot& snapshot) noexcept {
  if (awaited_ == 0) return;
  std::array<std::size_t, telemetry::kServicesMax + 1> names{};
  std::array<bool, telemetry::kServicesMax + 1> used{};
  for (const Service& service : snapshot.services()) {
    names.at(service.slot) = name_of(service);
    used.at(service.slot) = true;
  }
  for (std::size_t place = 0; place < states_.size(); ++place) {
    if (!states_[place].kept) continue;
    std::size_t& slot = requests_[place].service_slot;
    if (!used.at(slot) || names.at(slot) != states_[place].service_name) {
      slot = telemetry::kSelfServiceSlot;
    }
  }
}

}  // namespace pssst::server
