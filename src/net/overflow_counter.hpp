/// What SO_RXQ_OVFL tells, as a count that only grows.
#pragma once

#include <cstdint>

namespace pssst::net {

/// SO_RXQ_OVFL comes with a datagram and holds the drops of its socket up to then: cumulative, of
/// 32 bits (it wraps), absent while it is zero, and silent about drops after the last datagram.
class OverflowCounter {
 public:
  /// How many were dropped since the last call. Values must arrive in the socket's order.
  [[nodiscard]] std::uint32_t advance(std::uint32_t dropped) noexcept {
    const std::uint32_t since = dropped - last_;
    last_ = dropped;
    return since;
  }

 private:
  std::uint32_t last_ = 0;
};

}  // namespace pssst::net
