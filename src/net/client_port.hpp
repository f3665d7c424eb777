/// The concept of a client's port: requests out, replies in.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/counter.hpp"
#include "net/datagram.hpp"
#include "net/frame.hpp"

namespace pssst::net {

/// A datagram to the server.
struct Outgoing {
  const std::uint8_t* data = nullptr;  ///< read before send() returns
  std::uint16_t size = 0;              ///< bytes, at most kDatagramSizeMax
  /// Another source address than ours, where the port can: nothing is heard of a reply. All zero:
  /// ours.
  Ipv4Address source{};
};

/// Written by the port's user alone.
struct alignas(64) ClientPortCounters {
  base::Counter unreachable;     ///< ICMP errors that the kernel reported
  base::Counter send_errors;     ///< sends that failed for good; the datagram counts as sent
  base::Counter frames_ignored;  ///< received, but no datagram for us
};

// clang-format 14 breaks compound requirements apart.
// clang-format off
/// Used by one thread alone. Nothing allocates, locks, logs or throws after the port is made.
template <class P>
concept ClientPort = requires(P port, const P const_port, std::span<const Outgoing> outgoing,
                              std::span<Datagram> received, std::chrono::nanoseconds timeout) {
  /// Sends from the front of the span, from one of its UDP ports after the other, and returns how
  /// many it took: fewer than all where a queue is full.
  { port.send(outgoing) } noexcept -> std::same_as<std::size_t>;
  /// Fills the front of the span with what came from the server and returns how many; at most one
  /// bounded pass. The datagrams are valid until the next call of receive().
  { port.receive(received) } noexcept -> std::same_as<std::size_t>;
  /// Blocks until something may have arrived, at most `timeout`.
  { port.wait(timeout) } noexcept;
  { const_port.counters() } noexcept -> std::same_as<const ClientPortCounters&>;
};
// clang-format on

}  // namespace pssst::net
