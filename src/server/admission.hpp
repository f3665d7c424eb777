/// Which datagrams wait for a worker's next bursts, and in which order they are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/datagram.hpp"
#include "server/known_sources.hpp"

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

/// Two bounded queues of one worker: datagrams from known sources (a valid request came from their
/// prefix lately), and all others. Every datagram of valid length costs a scalar multiplication and
/// anybody can send one, so a flood of junk fills the queue of the unknown while the known are
/// served; a fixed share of each burst keeps the unknown from starving.
class Admission {
 public:
  /// Of each burst, one lane in this many belongs to unknown sources if any of them waits.
  static constexpr std::size_t kUnknownShare = 4;

  enum class Admitted : std::uint8_t { kNo, kKnown, kUnknown };

  /// `queue_capacity`: datagrams per queue, at least 1. `burst_limit`: the most lanes that take()
  /// is asked for. `known_lifetime`: TSC ticks.
  Admission(std::size_t queue_capacity, std::size_t burst_limit, std::uint64_t known_lifetime);

  /// kNo: its queue is full; the datagram stays the caller's.
  [[nodiscard]] Admitted add(const net::Datagram& datagram, std::uint64_t now) noexcept;
  /// To be tried with its service's second key, in the next burst: at most so many after each
  /// take() as that gave.
  void add_again(QueuedDatagram datagram) noexcept;
  /// Fills the front of `burst` (at least kUnknownShare lanes) and returns how many, known sources
  /// first, and of each kind what is to be tried again first. A share that one kind leaves goes to
  /// the other.
  [[nodiscard]] std::size_t take(std::span<QueuedDatagram> burst) noexcept;
  /// A valid request came from there.
  void remember(const net::Datagram& datagram, std::uint64_t now) noexcept {
    known_sources_.remember(datagram.source, now);
  }
  [[nodiscard]] std::size_t size() const noexcept {
    return known_again_.size() + known_.size() + unknown_again_.size() + unknown_.size();
  }

 private:
  KnownSources known_sources_;
  // Never fuller than one burst: a burst takes datagrams of a kind for the first time only when
  // none of that kind is left to be tried again.
  DatagramQueue known_again_;
  DatagramQueue unknown_again_;
  DatagramQueue known_;
  DatagramQueue unknown_;
};

}  // namespace pssst::server
