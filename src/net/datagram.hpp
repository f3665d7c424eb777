/// What ports hand to workers, and what they take back.
#pragma once

#include <array>
#include <cstdint>

#include "net/address.hpp"
#include "pssst/drop_reason.hpp"

namespace pssst::net {

/// A UDP payload that a port received, in the port's memory. It is the worker's until it hands the
/// datagram back by Port::transmit or Port::release, exactly once.
struct Datagram {
  const std::uint8_t* data = nullptr;
  std::uint16_t size = 0;      ///< bytes
  std::uint16_t udp_port = 0;  ///< destination, host order
  IpAddress source{};
  IpAddress destination{};    ///< which of our addresses was called
  std::uintptr_t handle = 0;  ///< the port's own
};

/// A reply to a received datagram, which is used up by it.
struct Reply {
  Datagram to;
  /// Read before transmit returns. Not in the port's memory: the reply may be built over the
  /// request.
  const std::uint8_t* data = nullptr;
  std::uint16_t size = 0;
  bool sent = false;  ///< set by transmit
  /// If not sent: why. transmit leaves what it finds where it knows no better.
  DropReason drop = DropReason::kTransmit;
};

}  // namespace pssst::net
