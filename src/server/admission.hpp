/// Which datagrams wait for a worker's next bursts, and in which order they are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/datagram.hpp"
#include "pssst/wire.hpp"
#include "server/config/protection.hpp"
#include "server/recent_keys.hpp"
#include "server/source_limiter.hpp"
#include "server/source_prefix.hpp"

namespace pssst::server {

/// A datagram on its way to a burst.
struct QueuedDatagram {
  net::Datagram datagram;
  std::uint64_t arrival_tsc = 0;
  bool known = false;       ///< its source was, when it came
  bool second_key = false;  ///< its service's first key did not open it
};

/// A ring of fixed size.
class DatagramQueue {
 public:
  explicit DatagramQueue(std::size_t capacity) : ring_(capacity) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// False, and nothing done, if the queue is full.
  [[nodiscard]] bool push(const QueuedDatagram& datagram) noexcept;
  /// Fills the front of `out` with the oldest, and returns how many.
  std::size_t pop(std::span<QueuedDatagram> out) noexcept;

 private:
  std::vector<QueuedDatagram> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

/// Who gets a worker's multiplications. Every datagram of valid length costs one, anybody can send
/// datagrams, and there is no cookie; so there are two bounded queues, of datagrams from known
/// sources (a valid request came from their wide prefix lately) and of all others, and what a
/// prefix may cost is limited. A flood of junk fills the queue of the unknown while the known are
/// served; a share of each burst keeps the unknown from starving. Under a known prefix's own
/// addresses junk comes to the known, and is limited: that prefix suffers, and no other.
///
/// Soft state of one worker, of fixed size, and safe to lose.
class Admission {
 public:
  enum class Admitted : std::uint8_t { kNo, kKnown, kUnknown };

  /// A source prefix counts as known this long after its last valid request.
  static constexpr std::uint64_t kKnownSeconds = 60;

  /// `queue_capacity`: datagrams per queue, at least 1. `burst_limit`: the most lanes that take()
  /// is asked for.
  Admission(std::size_t queue_capacity, std::size_t burst_limit, const ProtectionMemory& memory,
            std::uint64_t tsc_hz);

  /// Where its source is remembered, which is fetched meanwhile: for several datagrams first, and
  /// then what follows for each.
  [[nodiscard]] SourcePrefixes find_source(const net::Datagram& datagram) const noexcept;

  /// A prefix of the source has cost more than it may.
  [[nodiscard]] bool is_over_rate(const net::Datagram& datagram, const SourcePrefixes& source,
                                  const Protection& protection, std::uint64_t now) const noexcept {
    return protection.limit != LimitMode::kOff && limiter_.is_over(source, protection.rates, now) &&
           !protection.is_allowed(datagram.source);
  }
  /// The source's prefixes have cost a multiplication.
  void charge(const net::Datagram& datagram, const Protection& protection,
              std::uint64_t now) noexcept {
    if (protection.limit == LimitMode::kOff || protection.is_allowed(datagram.source)) return;
    limiter_.charge(hash_.prefixes_of(datagram.source), protection.rates, now);
  }

  /// kNo: its queue is full; the datagram stays the caller's.
  [[nodiscard]] Admitted add(const net::Datagram& datagram, const SourcePrefixes& source,
                             std::uint64_t now) noexcept;
  /// To be tried with its service's second key, in the next burst: at most so many after each
  /// take() as that gave.
  void add_again(QueuedDatagram datagram) noexcept;
  /// Fills the front of `burst` and returns how many, known sources first, and of each kind what is
  /// to be tried again first. `unknown_share`, percent, at least one lane, belong to unknown
  /// sources if any of them waits. A share that one kind leaves goes to the other.
  [[nodiscard]] std::size_t take(std::span<QueuedDatagram> burst, unsigned unknown_share) noexcept;
  /// A valid request came from there.
  void remember(const net::Datagram& datagram, std::uint64_t now) noexcept {
    known_sources_.remember(hash_.prefixes_of(datagram.source).wide, now);
  }
  /// Whether a request with this dh was valid before, within the replay window; if not, it will
  /// have been from now on. Always false without a window.
  [[nodiscard]] bool is_replay(std::span<const std::uint8_t, kDhSize> dh,
                               std::uint64_t now) noexcept;
  [[nodiscard]] std::size_t size() const noexcept {
    return known_again_.size() + known_.size() + unknown_again_.size() + unknown_.size();
  }

 private:
  SourceHash hash_;
  RecentKeys known_sources_;
  SourceLimiter limiter_;
  RecentKeys replays_;
  // Never fuller than one burst: a burst takes datagrams of a kind for the first time only when
  // none of that kind is left to be tried again.
  DatagramQueue known_again_;
  DatagramQueue unknown_again_;
  DatagramQueue known_;
  DatagramQueue unknown_;
};

}  // namespace pssst::server
