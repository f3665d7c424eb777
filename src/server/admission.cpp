#include "server/admission.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace pssst::server {
namespace {

std::size_t replays_of(const ProtectionMemory& memory) noexcept {
  return memory.replay_window.count() == 0 ? 0 : memory.replays;
}

std::size_t table_size(const ProtectionMemory& memory) noexcept {
  return RecentKeys::bytes_for(memory.known_sources) +
         SourceLimiter::bytes_for(memory.charged_sources) +
         RecentKeys::bytes_for(replays_of(memory));
}

}  // namespace

bool is_fault_of_source(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::kSharedSecretZero:
    case DropReason::kTag:
    case DropReason::kProofTooShort:
    case DropReason::kClientUnknown:
    case DropReason::kClientRevoked:
    case DropReason::kClientNotValidNow:
    case DropReason::kProofZero:
    case DropReason::kProofMismatch:
    case DropReason::kClientTag:
    case DropReason::kMessageLength:
    case DropReason::kPadding:
      return true;
    default:
      return false;
  }
}

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
    : tables_(table_size(memory)),
      known_sources_(tables_, memory.known_sources, kKnownSeconds * tsc_hz),
      limiter_(tables_, memory.charged_sources, tsc_hz),
      replays_(tables_, replays_of(memory),
               static_cast<std::uint64_t>(memory.replay_window.count()) * tsc_hz),
      known_again_(burst_limit),
      unknown_again_(burst_limit),
      known_(queue_capacity),
      unknown_(queue_capacity) {
  PSSST_ASSERT(queue_capacity > 0);
}

Admission::Added Admission::add(const net::Datagram& datagram, const SourcePrefixes& source,
                                const Protection& protection, std::uint64_t now) noexcept {
  const bool known = known_sources_.knows(source.wide, now);
  DatagramQueue& queue = known ? known_ : unknown_;
  // First: in a flood from everywhere it spares a look at prefixes that nobody has seen.
  if (queue.is_full()) return {.drop = DropReason::kQueueFull, .known = known};
  const bool over_rate = is_over_rate(datagram, source, protection, now);
  if (over_rate && protection.limit == LimitMode::kDrop) {
    return {.drop = DropReason::kSourceRate, .known = known};
  }
  static_cast<void>(queue.push({datagram, now, known, false}));
  if (protection.charge == Charge::kAll) charge(datagram, protection, now);
  return {.known = known, .over_rate = over_rate};
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

bool Admission::is_replay(const HashedKey& dh, std::uint64_t now) noexcept {
  if (replays_.capacity() == 0) return false;
  if (replays_.knows(dh, now)) return true;
  replays_.remember(dh, now);
  return false;
}

}  // namespace pssst::server
