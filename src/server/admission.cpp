#include "server/admission.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace pssst::server {

bool DatagramQueue::push(const QueuedDatagram& datagram) noexcept {
  if (size_ == ring_.size()) return false;
  const std::size_t tail = head_ + size_;
  ring_[tail < ring_.size() ? tail : tail - ring_.size()] = datagram;
  ++size_;
  return true;
}

std::size_t DatagramQueue::pop(std::span<QueuedDatagram> out) noexcept {
  const std::size_t n = std::min(out.size(), size_);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = ring_[head_];
    if (++head_ == ring_.size()) head_ = 0;
  }
  size_ -= n;
  return n;
}

Admission::Admission(std::size_t queue_capacity, std::size_t burst_limit,
                     std::uint64_t known_lifetime)
    : known_sources_(known_lifetime),
      known_again_(burst_limit),
      unknown_again_(burst_limit),
      known_(queue_capacity),
      unknown_(queue_capacity) {
  PSSST_ASSERT(queue_capacity > 0);
}

Admission::Admitted Admission::add(const net::Datagram& datagram, std::uint64_t now) noexcept {
  const bool known = known_sources_.knows(datagram.source, now);
  if (!(known ? known_ : unknown_).push({datagram, now, known, false})) return Admitted::kNo;
  return known ? Admitted::kKnown : Admitted::kUnknown;
}

void Admission::add_again(QueuedDatagram datagram) noexcept {
  datagram.second_key = true;
  const bool pushed = (datagram.known ? known_again_ : unknown_again_).push(datagram);
  PSSST_ASSERT(pushed);
}

std::size_t Admission::take(std::span<QueuedDatagram> burst) noexcept {
  PSSST_ASSERT(burst.size() >= kUnknownShare);
  std::size_t n = known_again_.pop(burst);
  const std::size_t reserved = std::min(
      {unknown_again_.size() + unknown_.size(), burst.size() / kUnknownShare, burst.size() - n});
  n += known_.pop(burst.subspan(n, burst.size() - n - reserved));
  n += unknown_again_.pop(burst.subspan(n));
  return n + unknown_.pop(burst.subspan(n));
}

}  // namespace pssst::server
