#include "server/handler/forward_client.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"

namespace pssst::server {
namespace {

/// A token is generation 48 bits, place 16.
constexpr std::uint64_t pack(std::size_t place, std::uint64_t generation) noexcept {
  return generation << 16 | place;
}

/// Elsewhere for each server: a backend that outlives one knows no token of the next.
std::uint64_t random_generation() {
  std::uint64_t generation = 0;
  base::fill_random({reinterpret_cast<std::uint8_t*>(&generation), sizeof generation});
  return generation;
}

}  // namespace

ForwardClient::ForwardClient(const std::vector<std::string>& backends, std::size_t in_flight,
                             std::uint64_t patience, Answerer& answerer)
    : answerer_(answerer),
      patience_(patience),
      places_(std::min(in_flight, kInFlightMax), kGenerationMax, random_generation()),
      sent_(places_.capacity()),
      full_(backends.size()),
      assigned_(kBatch),
      received_(base::make_secret<Received>()) {
  for (const std::string& address : backends) {
    backends_.push_back(std::make_unique<Backend>(address));
  }
}

std::size_t ForwardClient::next_backend() noexcept {
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    const std::size_t chosen = turn_;
    turn_ = (turn_ + 1) % backends_.size();
    if (!full_[chosen] && backends_[chosen]->room() > 0) return chosen;
  }
  return kNone;
}

bool ForwardClient::any_usable() const noexcept {
  return std::ranges::any_of(backends_, [](const auto& backend) { return backend->room() > 0; });
}

bool ForwardClient::send(ForwardRing& ring, std::uint64_t now) noexcept {
  std::array<ForwardRequest*, kBatch> requests;
  const std::size_t n = std::min(ring.waiting(), kBatch);
  std::size_t left = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ForwardRequest& request = ring.request(i);
    if (request.deadline_tsc <= now) request.is_done = true;
    if (!request.is_done) requests[left++] = &request;
  }
  full_.assign(full_.size(), false);
  // Each round sends all, or finds one backend more that takes nothing.
  for (std::size_t round = 0; round <= backends_.size() && left > 0; ++round) {
    left = send_round(std::span(requests).first(left), now);
  }
  if (!any_usable()) {
    for (std::size_t i = 0; i < left; ++i) fail(*requests[i]);
  }
  std::size_t done = 0;
  while (done < n && ring.request(done).is_done) ++done;
  ring.pop(done);
  return done > 0;
}

/// Returns how many are left over, at the front of `left`.
std::size_t ForwardClient::send_round(std::span<ForwardRequest*> left, std::uint64_t now) noexcept {
  std::array<ForwardRequest*, kBatch> over;
  std::array<ForwardRequest*, kBatch> group;
  std::size_t over_size = 0;
  for (std::size_t i = 0; i < left.size(); ++i) assigned_[i] = next_backend();
  for (std::size_t backend = 0; backend < backends_.size(); ++backend) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (assigned_[i] == backend) group[size++] = left[i];
    }
    if (size == 0) continue;
    const std::size_t allowed = std::min(size, backends_[backend]->room());
    const std::size_t sent = send_group(backend, std::span(group).first(allowed), now);
    for (std::size_t i = sent; i < size; ++i) over[over_size++] = group[i];
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (assigned_[i] == kNone) over[over_size++] = left[i];
  }
  std::copy_n(over.begin(), over_size, left.begin());
  return over_size;
}

/// Returns how many of the front were sent.
std::size_t ForwardClient::send_group(std::size_t backend, Group group,
                                      std::uint64_t now) noexcept {
  std::array<mmsghdr, kBatch> messages{};
  std::array<std::array<iovec, 2>, kBatch> parts;
  std::array<std::size_t, kBatch> places;
  std::size_t n = 0;
  for (; n < group.size(); ++n) {
    ForwardRequest& request = *group[n];
    places[n] = add_in_flight(request, backend);
    if (places[n] == kNone) break;
    request.header.set_token(pack(places[n], places_.generation(places[n])));
    parts[n] = {iovec{request.header.bytes.data(), request.header.size},
                iovec{request.message.data(), request.size}};
    messages[n].msg_hdr.msg_iov = parts[n].data();
    messages[n].msg_hdr.msg_iovlen = parts[n].size();
  }
  Backend& to = *backends_[backend];
  std::size_t sent = 0;
  int error = 0;
  while (sent < n && error == 0) {
    const int result = ::sendmmsg(to.fd(), &messages[sent], static_cast<unsigned>(n - sent),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
    if (result > 0) {
      sent += static_cast<std::size_t>(result);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  for (std::size_t i = 0; i < sent; ++i) group[i]->is_done = true;
  for (std::size_t i = sent; i < n; ++i) remove(places[i], false);
  if (sent > 0) to.sent(sent);
  if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) {
    full_[backend] = true;
    to.full(now, patience_);
  } else if (error != 0) {
    lose(backend, now);
  }
  return sent;
}

bool ForwardClient::receive(std::uint64_t now) noexcept {
  bool any = false;
  for (std::size_t backend = 0; backend < backends_.size(); ++backend) {
    if (backends_[backend]->fd() >= 0) any = receive_from(backend, now) || any;
  }
  return any;
}

bool ForwardClient::receive_from(std::size_t backend, std::uint64_t now) noexcept {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts;
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {received_->bytes[i].data(), received_->bytes[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int result =
      ::recvmmsg(backends_[backend]->fd(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (result < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) lose(backend, now);
    return false;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(result); ++i) {
    const auto datagram = std::span(received_->bytes[i]).first(messages[i].msg_len);
    take_datagram(backend, datagram);
    base::wipe(datagram.data(), datagram.size());
  }
  return result > 0;
}

void ForwardClient::take_datagram(std::size_t backend,
                                  std::span<const std::uint8_t> datagram) noexcept {
  Backend& from = *backends_[backend];
  const auto answer = read_forward_answer(datagram);
  if (!answer) return from.counters().answers_malformed.add(1);
  const std::size_t place = answer->token & 0xffff;
  TokenFate fate = places_.fate(place, answer->token >> 16);
  if (fate != TokenFate::kWrong &&
      (sent_[place].backend != backend || sent_[place].incarnation != from.incarnation())) {
    fate = TokenFate::kWrong;
  }
  if (fate == TokenFate::kTwice) return from.counters().answers_twice.add(1);
  if (fate == TokenFate::kLate) return from.counters().answers_late.add(1);
  if (fate == TokenFate::kWrong) return from.counters().answers_wrong.add(1);
  const bool too_long = answer->reply.size() > kReplySizeMax;
  if (too_long) from.counters().answers_malformed.add(1);
  answerer_.answer({.token = sent_[place].token,
                    .drop = too_long ? DropReason::kReplyTooLong : DropReason::kNone,
                    .has_reply = answer->has_reply,
                    .reply = too_long ? std::span<const std::uint8_t>() : answer->reply});
  remove(place, true);
  from.answered();
}

/// It is not there any more: what it was sent it cannot answer.
void ForwardClient::lose(std::size_t backend, std::uint64_t now) noexcept {
  Backend& lost = *backends_[backend];
  for (std::size_t place = oldest_; place != kNone;) {
    const std::size_t next = sent_[place].next;
    if (sent_[place].backend == backend) {
      lost.counters().lost.add(1);
      answerer_.answer({.token = sent_[place].token, .drop = DropReason::kHandlerUnavailable});
      remove(place, false);
    }
    place = next;
  }
  lost.gone(now);
}

void ForwardClient::look(std::uint64_t now) noexcept {
  while (oldest_ != kNone && sent_[oldest_].deadline_tsc <= now) {
    // The worker knows the deadline, too.
    backends_[sent_[oldest_].backend]->expired(sent_[oldest_].epoch, now);
    remove(oldest_, false);
  }
  for (const auto& backend : backends_) backend->look(now);
}

void ForwardClient::wait(std::chrono::microseconds limit) noexcept {
  std::array<pollfd, 64> sockets;
  std::size_t n = 0;
  for (const auto& backend : backends_) {
    if (backend->fd() >= 0 && n < sockets.size()) {
      sockets[n++] = {.fd = backend->fd(), .events = POLLIN, .revents = 0};
    }
  }
  const timespec timeout{.tv_sec = limit.count() / 1'000'000,
                         .tv_nsec = limit.count() % 1'000'000 * 1000};
  ::ppoll(sockets.data(), n, &timeout, nullptr);
}

void ForwardClient::fail(ForwardRequest& request) noexcept {
  request.is_done = true;
  answerer_.answer({.token = request.token, .drop = DropReason::kHandlerUnavailable});
}

std::size_t ForwardClient::add_in_flight(const ForwardRequest& request,
                                         std::size_t backend) noexcept {
  const auto place = places_.take();
  if (!place) return kNone;
  sent_[*place] = {.token = request.token,
                   .deadline_tsc = request.deadline_tsc,
                   .incarnation = backends_[backend]->incarnation(),
                   .epoch = backends_[backend]->epoch(),
                   .backend = backend,
                   .previous = newest_,
                   .next = kNone};
  (newest_ == kNone ? oldest_ : sent_[newest_].next) = *place;
  newest_ = *place;
  return *place;
}

void ForwardClient::remove(std::size_t place, bool answered) noexcept {
  const InFlight& gone = sent_[place];
  (gone.previous == kNone ? oldest_ : sent_[gone.previous].next) = gone.next;
  (gone.next == kNone ? newest_ : sent_[gone.next].previous) = gone.previous;
  places_.free(place, answered);
}

}  // namespace pssst::server
