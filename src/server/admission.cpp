#include "server/admission.hpp"

#include <algorithm>
#include <cstring>

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
                     const ProtectionMemory& memory, std::uint64_t tsc_hz)
    : known_sources_(memory.known_sources, kKnownSeconds * tsc_hz),
      limiter_(memory.charged_sources, tsc_hz),
      replays_(memory.replay_window.count() == 0 ? 0 : memory.replays,
               static_cast<std::uint64_t>(memory.replay_window.count()) * tsc_hz),
      known_again_(burst_limit),
      unknown_again_(burst_limit),
      known_(queue_capacity),
      unknown_(queue_capacity) {
  PSSST_ASSERT(queue_capacity > 0);
}

SourcePrefixes Admission::find_source(const net::Datagram& datagram) const noexcept {
  const SourcePrefixes source = hash_.prefixes_of(datagram.source);
  known_sources_.prefetch(source.wide);
  limiter_.prefetch(source);
  return source;
}

Admission::Admitted Admission::add(const net::Datagram& datagram, const SourcePrefixes& source,
                                   std::uint64_t now) noexcept {
  const bool known = known_sources_.knows(source.wide, now);
  if (!(known ? known_ : unknown_).push({datagram, now, known, false})) return Admitted::kNo;
  return known ? Admitted::kKnown : Admitted::kUnknown;
}

void Admission::add_again(QueuedDatagram datagram) noexcept {
  datagram.second_key = true;
  const bool pushed = (datagram.known ? known_again_ : unknown_again_).push(datagram);
  PSSST_ASSERT(pushed);
}

std::size_t Admission::take(std::span<QueuedDatagram> burst, unsigned unknown_share) noexcept {
  const std::size_t share = std::max<std::size_t>(1, burst.size() * unknown_share / 100);
  std::size_t n = known_again_.pop(burst);
  const std::size_t reserved =
      std::min({unknown_again_.size() + unknown_.size(), share, burst.size() - n});
  n += known_.pop(burst.subspan(n, burst.size() - n - reserved));
  n += unknown_again_.pop(burst.subspan(n));
  return n + unknown_.pop(burst.subspan(n));
}

bool Admission::is_replay(std::span<const std::uint8_t, kDhSize> dh, std::uint64_t now) noexcept {
  if (replays_.capacity() == 0) return false;
  std::uint64_t hash = 0;
  for (std::size_t at = 0; at < kDhSize; at += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, &dh[at], sizeof word);
    hash = hash_.hash(hash ^ word);
  }
  const HashedKey key{.key = hash | 1, .hash = hash >> 1};
  if (replays_.knows(key, now)) return true;
  replays_.remember(key, now);
  return false;
}

}  // namespace pssst::server
