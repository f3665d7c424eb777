/// The concept of a port: frames in, datagrams out, replies back.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <span>

#include "base/counter.hpp"
#include "net/datagram.hpp"

namespace pssst::net {

/// One port's share of the books: frames = datagrams + answered + handed_to_kernel + frame drops.
/// Written by the port's worker alone, but for those that a DPDK port's runtime writes.
struct alignas(64) PortCounters {
  base::Counter frames;            ///< received
  base::Counter datagrams;         ///< handed to the worker
  base::Counter answered;          ///< on L2 or L3, whether or not the device took it
  base::Counter handed_to_kernel;  ///< through the exception path
  base::DropCounters drops;        ///< frame drops only
  base::Counter bytes_in;          ///< UDP payload of datagrams
  base::Counter bytes_out;         ///< UDP payload of replies sent

  // Not in the books.
  base::Counter sent_for_kernel;  ///< frames, whether or not the device took them
  base::Counter announced;        ///< likewise: frames that tell neighbours our addresses
  base::Counter captured;         ///< copies of chosen drops on their way to the file
  base::Counter capture_missed;   ///< chosen drops without a copy: too many at a time

  // Not in the books, and written by the runtime.
  base::Counter missed;             ///< lost before us (NIC ring, socket buffer)
  base::Counter kernel_lost;        ///< on the exception path, in either direction
  base::Counter capture_unwritten;  ///< captured, but the file is full or failed
};

// clang-format 14 breaks compound requirements apart.
// clang-format off
/// Used by one worker thread alone. Nothing allocates, locks, logs or throws after the port is
/// made.
template <class P>
concept Port = requires(P port, const P const_port, std::span<Datagram> received,
                        const Datagram& datagram, DropReason drop, std::span<Reply> replies,
                        std::chrono::microseconds timeout) {
  /// Fills the front of the span and returns how many; at most one bounded pass over the queues.
  /// What is not for us is answered or counted on the way.
  { port.receive(received) } noexcept -> std::same_as<std::size_t>;
  /// Sends to where each came from, from the address and UDP port that it came to. Uses up all
  /// datagrams; sets `sent` of those the port took.
  { port.transmit(replies) } noexcept;
  /// Gives a datagram back without a reply; `drop`: why it was dropped, or kNone.
  { port.release(datagram, drop) } noexcept;
  /// Blocks until something may have arrived, at most `timeout`.
  { port.wait(timeout) } noexcept;
  /// How many datagrams the worker may hold at once without starving receive().
  { const_port.capacity() } noexcept -> std::same_as<std::size_t>;
  { const_port.counters() } noexcept -> std::same_as<const PortCounters&>;
};
// clang-format on

}  // namespace pssst::net
