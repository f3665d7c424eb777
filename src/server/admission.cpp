#include "server/admission.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace pssst::server {

bool DatagramQueue::push(const net::Datagram& datagram) noexcept {
  if (size_ == ring_.size()) return false;
  const std::size_t tail = head_ + size_;
  ring_[tail < ring_.size() ? tail : tail - ring_.size()] = datagram;
  ++size_;
  return true;
}

std::size_t DatagramQueue::pop(std::span<net::Datagram> out) noexcept {
  const std::size_t n = std::min(out.size(), size_);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = ring_[head_];
    if (++head_ == ring_.size()) head_ = 0;
  }
  size_ -= n;
  return n;
}

Admission::Admission(std::size_t queue_capacity, std::uint64_t known_lifetime)
    : known_sources_(known_lifetime), known_(queue_capacity), unknown_(queue_capacity) {
  PSSST_ASSERT(queue_capacity > 0);
}

Admission::Admitted Admission::add(const net::Datagram& datagram, std::uint64_t now) noexcept {
  const bool known = known_sources_.knows(datagram.source, now);
  if (!(known ? known_ : unknown_).push(datagram)) return Admitted::kNo;
  return known ? Admitted::kKnown : Admitted::kUnknown;
}

std::size_t Admission::take(std::span<net::Datagram> burst) noexcept {
  PSSST_ASSERT(burst.size() >= kUnknownShare);
  const std::size_t reserved = std::min(unknown_.size(), burst.size() / kUnknownShare);
  const std::size_t known = known_.pop(burst.first(burst.size() - reserved));
  return known + unknown_.pop(burst.subspan(known));
}

}  // namespace pssst::server
