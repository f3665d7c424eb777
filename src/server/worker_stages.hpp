/// The stages of worker.hpp, in the order of a burst's way. Included there, at its end.
#pragma once

#include "protocol/suite.hpp"
#include "server/worker.hpp"

namespace pssst::server {

template <net::Port P>
bool Worker<P>::receive(const Snapshot& snapshot) noexcept {
  bool any = false;
  for (std::size_t pass = 0; pass < kReceivePassesMax; ++pass) {
    const std::size_t n = port_.receive(received_);
    pending_ += n;
    counters_.pending.set(pending_);
    for (std::size_t i = 0; i < n; ++i) {
      admission_.find_source(received_[i], received_from_[i]);
    }
    for (std::size_t i = 0; i < n; ++i) admit(received_[i], received_from_[i], snapshot);
    any = any || n > 0;
    if (n < received_.size()) break;
  }
  return any;
}

template <net::Port P>
void Worker<P>::admit(const net::Datagram& datagram, const SourcePrefixes& source,
                      const Snapshot& snapshot) noexcept {
  const Service* service = snapshot.find_service(datagram.udp_port, datagram.destination);
  if (service == nullptr) return drop(datagram, DropReason::kUdpPort, nullptr);
  if (datagram.size > kDatagramSizeMax) {
    return drop(datagram, DropReason::kFrameOversized, service);
  }
  const Admitted admitted =
      pssst::admit({datagram.data, datagram.size}, service->policy, service->keys);
  if (admitted.key == nullptr) return drop(datagram, admitted.drop, service);
  const Admission::Added added = admission_.add(datagram, source, snapshot.protection(), loop_tsc_);
  if (added.drop != DropReason::kNone) return drop(datagram, added.drop, service);
  (added.known ? counters_.admitted_known : counters_.admitted_unknown).add(1);
  if (added.over_rate) counters_.over_rate_admitted.add(1);
}

template <net::Port P>
bool Worker<P>::take(const Snapshot& snapshot) noexcept {
  // A lane is kept for the worker's own request when it is due.
  const std::size_t room = burst_limit_ - (self_request_due() ? 1 : 0);
  const std::size_t n =
      admission_.take(std::span(queued_).first(room), snapshot.protection().unknown_share);
  burst_->size = 0;
  lanes_ = 0;
  for (std::size_t i = 0; i < n; ++i) take_lane(snapshot, queued_[i]);
  if (lanes_ > 0) {
    counters_.bursts.add(1);
    counters_.lanes.add(lanes_);
  }
  return n > 0;
}

template <net::Port P>
void Worker<P>::take_lane(const Snapshot& snapshot, const QueuedDatagram& queued) noexcept {
  const net::Datagram& datagram = queued.datagram;
  // Once more: the snapshot may have changed while the datagram was queued.
  const Service* service = snapshot.find_service(datagram.udp_port, datagram.destination);
  const Admitted admitted = service == nullptr ? Admitted{DropReason::kUdpPort}
                                               : pssst::admit({datagram.data, datagram.size},
                                                              service->policy, service->keys);
  if (admitted.key == nullptr) return drop(datagram, admitted.drop, service);
  if (admission_.is_spent(datagram, snapshot.protection(), loop_tsc_)) {
    return drop(datagram, DropReason::kSourceRate, service);
  }
  const ServerKey* second = queued.second_key ? service->second_key() : nullptr;
  if (!queued.second_key) count_time(Stage::kQueue, base::read_tsc() - queued.arrival_tsc);
  services_[lanes_] = service;
  burst_->add({datagram.data, datagram.size}, second == nullptr ? *admitted.key : *second);
  dh_keys_[lanes_] = admission_.key_of(protocol::read_dh(
      {datagram.data, datagram.size}, protocol::layout_of(admitted.key->suite())));
  admission_.expect(datagram, dh_keys_[lanes_]);
  // To the front, where an earlier one was dropped.
  if (&queued_[lanes_] != &queued) queued_[lanes_] = queued;
  ++lanes_;
}

template <net::Port P>
bool Worker<P>::self_request_due() const noexcept {
  return self_request_tsc_ == 0 ||
         loop_tsc_ - self_request_tsc_ >= kSelfRequestSeconds * base::tsc_hz();
}

template <net::Port P>
bool Worker<P>::take_self_request() noexcept {
  if (!self_request_due()) return false;
  self_request_tsc_ = loop_tsc_;
  const SelfRequest& own = *settings_.self_request;
  services_[lanes_] = &own.service();
  burst_->add(own.request(), own.service().keys.front());
  return true;
}

template <net::Port P>
void Worker<P>::check_self_request() noexcept {
  const bool right = burst_->drop[lanes_] == DropReason::kNone && burst_->has_reply[lanes_] != 0 &&
                     settings_.self_request->is_right(burst_->reply_datagram(lanes_));
  telemetry::SelfRequestCounters& counters = counters_.self_requests;
  (right ? counters.right : counters.wrong).add(1);
  if (right) counters.last_right_tsc.set(loop_tsc_);
}

/// Of a burst of datagrams.
template <net::Port P>
void Worker<P>::end_stage(Stage stage) noexcept {
  const std::uint64_t now = base::read_tsc();
  if (lanes_ > 0) count_time(stage, now - stage_tsc_);
  stage_tsc_ = now;
}

template <net::Port P>
void Worker<P>::count_proofs() noexcept {
  const ProofCounts& counts = processor_->proof_counts();
  counters_.proofs_by_table.set(counts.by_table);
  counters_.proofs_by_ladder.set(counts.by_ladder);
  counters_.proof_tables_built.set(counts.tables_built);
}

template <net::Port P>
void Worker<P>::remember_sources() noexcept {
  for (std::size_t i = 0; i < lanes_; ++i) {
    if (burst_->drop[i] != DropReason::kNone) continue;
    if (admission_.is_replay(dh_keys_[i], loop_tsc_)) {
      // Whoever overheard it can send it from anywhere.
      counters_.replays.add(1);
    } else {
      admission_.remember(queued_[i].datagram, loop_tsc_);
    }
  }
}

template <net::Port P>
void Worker<P>::count_opened() noexcept {
  for (std::size_t i = 0; i < lanes_; ++i) {
    if (burst_->drop[i] != DropReason::kNone) continue;
    telemetry::SuiteCounters& suite = counters_.suites[telemetry::suite_place(burst_->suite[i])];
    suite.requests.add(1);
    suite.authenticated.add(burst_->authenticated[i]);
    const Service& service = *services_[i];
    const auto key = static_cast<std::size_t>(burst_->key[i] - service.keys.data());
    telemetry::KeyCounters& of_key = counters_.keys()[service.key_slots[key]];
    of_key.requests.add(1);
    of_key.last_use_tsc.set(loop_tsc_);
  }
  const StaticSecretCounts& counts = processor_->static_secret_counts();
  counters_.static_secrets_found.set(counts.found);
  counters_.static_secrets_multiplied.set(counts.multiplied);
}

/// True: the lane's datagram goes on to the next burst, under the service's second key.
template <net::Port P>
bool Worker<P>::try_again(std::size_t lane) noexcept {
  if (burst_->drop[lane] != DropReason::kTag || queued_[lane].second_key ||
      burst_->suite[lane] != kSuite1 || services_[lane]->second_key() == nullptr) {
    return false;
  }
  admission_.add_again(queued_[lane]);
  return true;
}

template <net::Port P>
void Worker<P>::transmit(const Protection& protection) noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < lanes_; ++i) {
    const net::Datagram& datagram = queued_[i].datagram;
    if ((later_lanes_ >> i & 1) != 0) continue;
    if (burst_->drop[i] != DropReason::kNone) {
      if (try_again(i)) continue;
      admission_.settle(datagram, burst_->drop[i], protection, loop_tsc_);
      drop(datagram, burst_->drop[i], services_[i]);
    } else if (burst_->has_reply[i] == 0) {
      port_.release(datagram, DropReason::kNone);
      settle(counters_.answered_without_reply);
    } else {
      const std::span<const std::uint8_t> sealed = burst_->reply_datagram(i);
      // Member by member: a whole one, put together on the stack, would stall its own copy.
      net::Reply& reply = replies_[n];
      reply.to = datagram;
      reply.data = sealed.data();
      reply.size = static_cast<std::uint16_t>(sealed.size());
      reply.sent = false;
      reply.drop = DropReason::kTransmit;
      lane_of_reply_[n++] = i;
    }
  }
  if (n > 0) send_replies(n);
}

template <net::Port P>
void Worker<P>::send_replies(std::size_t n) noexcept {
  port_.transmit(std::span(replies_).first(n));
  const std::uint64_t now = base::read_tsc();
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t lane = lane_of_reply_[k];
    telemetry::ServiceCounters& service = counters_.services()[services_[lane]->slot];
    if (replies_[k].sent) {
      settle(counters_.replied);
      service.replied.add(1);
      counters_.suites[telemetry::suite_place(burst_->suite[lane])].replied.add(1);
      count_time(Stage::kRequest, now - queued_[lane].arrival_tsc);
    } else {
      counters_.drops.add(replies_[k].drop);
      service.drops.add(replies_[k].drop);
      counters_.pending.set(--pending_);
    }
  }
}

}  // namespace pssst::server
