/// Which datagrams wait for a worker's next bursts, and in which order they are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/datagram.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/wire.hpp"
#include "server/config/protection.hpp"
#include "server/recent_keys.hpp"
#include "server/source_limiter.hpp"
#include "server/source_prefix.hpp"
#include "server/table_memory.hpp"

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
  [[nodiscard]] bool is_full() const noexcept { return size_ == ring_.size(); }
  /// False, and nothing done, if the queue is full.
  [[nodiscard]] bool push(const QueuedDatagram& datagram) noexcept;
  /// Fills the front of `out` with the oldest, and returns how many.
  std::size_t pop(std::span<QueuedDatagram> out) noexcept;

 private:
  std::vector<QueuedDatagram> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

/// A request that was dropped for this has cost a multiplication, and whoever sent it is to blame.
[[nodiscard]] bool is_fault_of_source(DropReason reason) noexcept;

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
  struct Added {
    DropReason drop = DropReason::kNone;  ///< or kQueueFull or kSourceRate: the caller keeps it
    bool known = false;                   ///< its source is
    bool over_rate = false;               ///< and it was added all the same: limits only count
  };

  /// A source prefix counts as known this long after its last valid request.
  static constexpr std::uint64_t kKnownSeconds = 60;

  /// `queue_capacity`: datagrams per queue, at least 1. `burst_limit`: the most lanes that take()
  /// is asked for.
  Admission(std::size_t queue_capacity, std::size_t burst_limit, const ProtectionMemory& memory,
            std::uint64_t tsc_hz);

  /// What holds from now on; before all that follows. `now`: TSC, here and below; none is earlier
  /// than the one before.
  void begin(const Protection& protection, std::uint64_t now) noexcept {
    limiter_.set_limits(protection.rates, now);
  }

  /// Where its source is remembered, which is fetched meanwhile: for several datagrams first, and
  /// then add() for each.
  void find_source(const net::Datagram& datagram, SourcePrefixes& source) const noexcept {
    hash_.find(datagram.source, source);
    known_sources_.prefetch(source.wide);
  }
  /// Into its queue, if that has room and the source is not over its rate.
  [[nodiscard]] Added add(const net::Datagram& datagram, const SourcePrefixes& source,
                          const Protection& protection, std::uint64_t now) noexcept;
  /// The source was found to be over its rate while the datagram was queued: a queue full of junk
  /// from one prefix costs no more than the burst in which that shows.
  [[nodiscard]] bool is_spent(const net::Datagram& datagram, const Protection& protection,
                              std::uint64_t now) const noexcept {
    return protection.limit == LimitMode::kDrop && protection.charge == Charge::kFailed &&
           is_over_rate(datagram, hash_.prefixes_of(datagram.source), protection, now);
  }
  /// Of `drop`, after all: what cost a multiplication for nothing is charged to the source, if that
  /// is charged for what failed.
  void settle(const net::Datagram& datagram, DropReason drop, const Protection& protection,
              std::uint64_t now) noexcept {
    if (protection.charge == Charge::kFailed && is_fault_of_source(drop)) {
      charge(datagram, protection, now);
    }
  }
  /// To be tried with its service's second key, in the next burst: at most so many after each
  /// take() as that gave.
  void add_again(QueuedDatagram datagram) noexcept;
  /// Fills the front of `burst` and returns how many, known sources first, and of each kind what is
  /// to be tried again first. `unknown_share`, percent, at least one lane, belong to unknown
  /// sources if any of them waits. A share that one kind leaves goes to the other.
  [[nodiscard]] std::size_t take(std::span<QueuedDatagram> burst, unsigned unknown_share) noexcept;
  /// A request from there with this dh is about to be multiplied: what is_replay() and remember()
  /// will want is fetched meanwhile.
  void expect(const net::Datagram& datagram, const HashedKey& dh) const noexcept {
    known_sources_.prefetch(hash_.prefixes_of(datagram.source).wide);
    replays_.prefetch(dh);
  }
  [[nodiscard]] HashedKey key_of(std::span<const std::uint8_t, kDhSize> dh) const noexcept {
    return replays_.capacity() == 0 ? HashedKey{} : hash_.key_of(dh);
  }
  /// A valid request came from there.
  void remember(const net::Datagram& datagram, std::uint64_t now) noexcept {
    known_sources_.remember(hash_.prefixes_of(datagram.source).wide, now);
  }
  /// Whether a request with this dh was valid before, within the replay window; if not, it will
  /// have been from now on. Always false without a window.
  [[nodiscard]] bool is_replay(const HashedKey& dh, std::uint64_t now) noexcept;
  [[nodiscard]] std::size_t size() const noexcept {
    return known_again_.size() + known_.size() + unknown_again_.size() + unknown_.size();
  }

 private:
  [[nodiscard]] bool is_over_rate(const net::Datagram& datagram, const SourcePrefixes& source,
                                  const Protection& protection, std::uint64_t now) const noexcept {
    return protection.limit != LimitMode::kOff && limiter_.is_over(source, now) &&
           !protection.is_allowed(datagram.source);
  }
  void charge(const net::Datagram& datagram, const Protection& protection,
              std::uint64_t now) noexcept {
    if (protection.limit == LimitMode::kOff || protection.is_allowed(datagram.source)) return;
    limiter_.charge(hash_.prefixes_of(datagram.source), now);
  }

  TableMemory tables_;
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
