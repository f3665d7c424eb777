#include "tools/load/matcher.hpp"

#include "protocol/header.hpp"
#include "pssst/wire.hpp"

namespace pssst::tools::load {

Matcher::Matcher(RequestPool& pool, std::size_t good, std::uint64_t verify_every,
                 Outstanding& outstanding, LoadCounters& counters, Histogram& latency) noexcept
    : pool_(pool),
      good_(good),
      verify_every_(verify_every),
      outstanding_(outstanding),
      counters_(counters),
      latency_(latency) {}

void Matcher::set_phase(bool is_recording, bool is_sending) noexcept {
  is_recording_ = is_recording;
  is_sending_ = is_sending;
}

std::size_t Matcher::receive(std::span<const net::Datagram> replies,
                             std::uint64_t now_ns) noexcept {
  std::size_t answered = 0;
  std::uint64_t bytes = 0;
  for (const net::Datagram& reply : replies) {
    bytes += reply.size;
    answered += receive_one({reply.data, reply.size}, now_ns) ? 1 : 0;
  }
  counters_.received.add(replies.size());
  counters_.bytes_in.add(bytes);
  return answered;
}

void Matcher::expire(std::uint64_t now_ns) noexcept {
  if (const std::size_t lost = outstanding_.expire(now_ns); lost > 0) counters_.lost.add(lost);
}

bool Matcher::receive_one(std::span<const std::uint8_t> reply, std::uint64_t now_ns) noexcept {
  if (reply.size() < kOverheadSize) {
    counters_.malformed.add(1);
    return false;
  }
  const auto found = pool_.find(reply);
  if (!found) {
    counters_.unknown.add(1);
    return false;
  }
  if (const ReplyCheck fault = check(*found, reply); fault != ReplyCheck::kGood) {
    count_mismatch(fault);
    return false;
  }
  if (*found >= good_) {
    counters_.hostile_answered.add(1);
    return false;
  }
  return settle(*found, now_ns);
}

ReplyCheck Matcher::check(std::size_t i, std::span<const std::uint8_t> reply) noexcept {
  if (const ReplyCheck fault = pool_.check(i, reply); fault != ReplyCheck::kGood) return fault;
  if (verify_every_ == 0 || --until_verify_ > 0) return ReplyCheck::kGood;
  until_verify_ = verify_every_;
  counters_.verified.add(1);
  return pool_.open(i, reply);
}

void Matcher::count_mismatch(ReplyCheck check) noexcept {
  switch (check) {
    case ReplyCheck::kFlags:
      counters_.mismatch_flags.add(1);
      break;
    case ReplyCheck::kLength:
      counters_.mismatch_length.add(1);
      break;
    case ReplyCheck::kTag:
      counters_.mismatch_tag.add(1);
      break;
    case ReplyCheck::kText:
      counters_.mismatch_text.add(1);
      break;
    case ReplyCheck::kGood:
      break;
  }
}

bool Matcher::settle(std::size_t i, std::uint64_t now_ns) noexcept {
  const Outstanding::Reply reply = outstanding_.replied(i);
  switch (reply.settlement) {
    case Settlement::kLate:
      counters_.late.add(1);
      return false;
    case Settlement::kDuplicate:
      counters_.duplicates.add(1);
      return false;
    case Settlement::kAnswered:
      break;
  }
  counters_.answered.add(1);
  if (is_sending_) counters_.answered_in_time.add(1);
  if (reply.is_ambiguous) {
    counters_.ambiguous.add(1);
  } else if (is_recording_) {
    latency_.record(now_ns > reply.due_ns ? now_ns - reply.due_ns : 0);
  }
  return true;
}

}  // namespace pssst::tools::load
