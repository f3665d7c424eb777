/// What a worker does about later replies. Included at the end of worker.hpp.
#pragma once

#include <bit>
#include <cstring>

#include "server/worker.hpp"

namespace pssst::server {

/// Of the burst, after its dispatch.
template <net::Port P>
void Worker<P>::keep_later(Dispatcher::LaneMask lanes) noexcept {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(lanes));
    later_.keep(dispatcher_.later_token(i), *burst_, i, queued_[i].datagram, queued_[i].arrival_tsc,
                *services_[i], loop_tsc_);
    counters_.later.asked.add(1);
  }
  counters_.later.awaited.set(later_.awaited());
}

/// Seals and sends what has been answered, at most a burst of it, and gives up what is overdue.
template <net::Port P>
bool Worker<P>::answer_later() noexcept {
  if (later_.capacity() == 0) return false;
  const bool any = take_answers();
  later_.expire(loop_tsc_,
                [this](std::size_t place) { drop_later(place, DropReason::kLaterExpired); });
  counters_.later.awaited.set(later_.awaited());
  return any;
}

template <net::Port P>
bool Worker<P>::take_answers() noexcept {
  AnswerQueue& queue = settings_.handlers->answers(settings_.index);
  burst_->size = 0;
  bool any = false;
  for (std::size_t taken = 0; taken < burst_limit_; ++taken) {
    const std::optional<Answer> answer = queue.front();
    if (!answer) break;
    any = true;
    take_answer(*answer);
    queue.pop();
  }
  if (burst_->size == 0) return any;
  processor_->seal(*burst_);
  send_later(burst_->size);
  processor_->wipe_secrets(*burst_);
  return true;
}

template <net::Port P>
void Worker<P>::take_answer(const Answer& answer) noexcept {
  std::size_t place = 0;
  const TokenFate fate = later_.claim(answer, place);
  if (fate != TokenFate::kAwaited) return count_stray(fate);
  if (answer.drop != DropReason::kNone) return drop_later(place, answer.drop);
  if (!answer.has_reply) return settle_later(place, counters_.answered_without_reply);
  const std::size_t lane = burst_->size;
  burst_->add_kept(later_.request(place).sealing);
  const std::span<std::uint8_t> space = burst_->reply_space(lane);
  // What add_kept() brought must not be left behind: the lane stays, and is dropped.
  if (answer.reply.size() > space.size()) {
    burst_->drop[lane] = DropReason::kReplyTooLong;
  } else if (answer.reply.size() + burst_->reply_overhead[lane] >
             later_.request(place).reply_size_max) {
    burst_->drop[lane] = DropReason::kReplyLimit;
  } else if (!answer.reply.empty()) {
    std::memcpy(space.data(), answer.reply.data(), answer.reply.size());
  }
  burst_->has_reply[lane] = 1;
  burst_->reply_size[lane] = answer.reply.size();
  later_place_[lane] = place;
}

template <net::Port P>
void Worker<P>::count_stray(TokenFate fate) noexcept {
  telemetry::LaterCounters& later = counters_.later;
  if (fate == TokenFate::kTwice) return later.answers_twice.add(1);
  if (fate == TokenFate::kLate) return later.answers_late.add(1);
  later.answers_wrong.add(1);
}

template <net::Port P>
void Worker<P>::send_later(std::size_t lanes) noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < lanes; ++i) {
    if (burst_->drop[i] != DropReason::kNone) {
      drop_later(later_place_[i], burst_->drop[i]);
      continue;
    }
    const std::span<const std::uint8_t> sealed = burst_->reply_datagram(i);
    net::Reply& reply = replies_[n];
    reply.to = later_.request(later_place_[i]).datagram;
    reply.data = sealed.data();
    reply.size = static_cast<std::uint16_t>(sealed.size());
    reply.sent = false;
    reply.drop = DropReason::kTransmit;
    lane_of_reply_[n++] = i;
  }
  if (n == 0) return;
  port_.transmit(std::span(replies_).first(n));
  const std::uint64_t now = base::read_tsc();
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t lane = lane_of_reply_[k];
    const LaterReplies::Request& request = later_.request(later_place_[lane]);
    telemetry::ServiceCounters& service = counters_.services()[request.service_slot];
    if (replies_[k].sent) {
      service.replied.add(1);
      counters_.suites[telemetry::suite_place(request.sealing.suite)].replied.add(1);
      counters_.later.answered.add(1);
      count_time(Stage::kRequest, now - request.arrival_tsc);
      settle(counters_.replied);
    } else {
      service.drops.add(replies_[k].drop);
      counters_.drops.add(replies_[k].drop);
      counters_.pending.set(--pending_);
    }
    later_.free(later_place_[lane], true);
  }
}

/// Its datagram goes back to the port.
template <net::Port P>
void Worker<P>::drop_later(std::size_t place, DropReason reason) noexcept {
  const LaterReplies::Request& request = later_.request(place);
  counters_.services()[request.service_slot].drops.add(reason);
  drop(request.datagram, reason, nullptr);
  const bool answered = reason == DropReason::kReplyTooLong || reason == DropReason::kReplyLimit;
  later_.free(place, answered);
}

template <net::Port P>
void Worker<P>::settle_later(std::size_t place, base::Counter& outcome) noexcept {
  port_.release(later_.request(place).datagram, DropReason::kNone);
  settle(outcome);
  counters_.later.answered.add(1);
  later_.free(place, true);
}

/// At the end: for `ticks` since the loop began, then drops what is left.
template <net::Port P>
void Worker<P>::await_later(std::uint64_t ticks) noexcept {
  if (later_.capacity() == 0) return;
  while (later_.awaited() > 0 && base::read_tsc() - loop_tsc_ < ticks) {
    if (!take_answers()) _mm_pause();
    later_.expire(base::read_tsc(),
                  [this](std::size_t place) { drop_later(place, DropReason::kLaterExpired); });
  }
  later_.drop_all([this](std::size_t place) { drop_later(place, DropReason::kShutdown); });
  counters_.later.awaited.set(later_.awaited());
  settings_.handlers->answers(settings_.index).close();
}

}  // namespace pssst::server
