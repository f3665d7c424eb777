/// What network devices count.
#pragma once

#include <cstdint>
#include <string>

namespace pssst::net {

/// What a network device says of itself.
struct DeviceStatistics {
  std::string name;
  bool link_up = true;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t missed = 0;  ///< no descriptor was free
  std::uint64_t errors_in = 0;
  std::uint64_t errors_out = 0;
  std::uint64_t no_buffers = 0;  ///< no mbuf was free
};

}  // namespace pssst::net
