#include "tools/load/outstanding.hpp"

#include "base/assert.hpp"

namespace pssst::tools::load {

Outstanding::Outstanding(std::size_t requests, std::size_t sends_max, std::uint64_t timeout_ns)
    : sends_(sends_max), requests_(requests), timeout_ns_(timeout_ns) {
  PSSST_ASSERT(sends_max > 0 && sends_max < kNone && requests < kNone);
  for (std::size_t i = 0; i < sends_max; ++i) {
    sends_[i].next = i + 1 == sends_max ? kNone : static_cast<std::uint32_t>(i + 1);
  }
}

std::size_t Outstanding::sent(std::size_t i, std::uint64_t due_ns, std::uint64_t now_ns) noexcept {
  const std::size_t given_up = free_ == kNone ? 1 : 0;
  if (given_up == 1) give_up_oldest(now_ns);
  const std::uint32_t index = free_;
  Send& send = sends_[index];
  free_ = send.next;
  Request& request = requests_[i];
  // What was given up long ago is not expected any more.
  if (request.given_up > 0 && now_ns > request.given_up_ns + timeout_ns_) request.given_up = 0;
  request.is_ambiguous = request.under_way > 0 || request.given_up > 0;
  send = {.due_ns = due_ns,
          .sent_ns = now_ns,
          .request = static_cast<std::uint32_t>(i),
          .earlier_of_request = request.newest,
          .previous = newest_,
          .next = kNone};
  request.newest = index;
  ++request.under_way;
  (newest_ == kNone ? oldest_ : sends_[newest_].next) = index;
  newest_ = index;
  ++count_;
  return given_up;
}

Outstanding::Reply Outstanding::replied(std::size_t i) noexcept {
  Request& request = requests_[i];
  if (request.under_way == 0) {
    if (request.given_up == 0) return {.settlement = Settlement::kDuplicate};
    --request.given_up;
    return {.settlement = Settlement::kLate};
  }
  const std::uint32_t index = request.newest;
  const Send& send = sends_[index];
  const Reply reply{.settlement = Settlement::kAnswered,
                    .is_ambiguous = request.is_ambiguous,
                    .due_ns = send.due_ns};
  request.newest = send.earlier_of_request;
  --request.under_way;
  remove(index);
  return reply;
}

std::size_t Outstanding::expire(std::uint64_t now_ns) noexcept {
  std::size_t given_up = 0;
  for (; next_expiry() <= now_ns; ++given_up) give_up_oldest(now_ns);
  return given_up;
}

std::uint64_t Outstanding::next_expiry() const noexcept {
  return oldest_ == kNone ? UINT64_MAX : sends_[oldest_].sent_ns + timeout_ns_;
}

// The oldest of all is the oldest of its request: the last in the request's chain, which under_way
// cuts off.
void Outstanding::give_up_oldest(std::uint64_t now_ns) noexcept {
  Request& request = requests_[sends_[oldest_].request];
  --request.under_way;
  ++request.given_up;
  request.given_up_ns = now_ns;
  remove(oldest_);
}

void Outstanding::remove(std::uint32_t index) noexcept {
  Send& send = sends_[index];
  (send.previous == kNone ? oldest_ : sends_[send.previous].next) = send.next;
  (send.next == kNone ? newest_ : sends_[send.next].previous) = send.previous;
  send.next = free_;
  free_ = index;
  --count_;
}

}  // namespace pssst::tools::load
