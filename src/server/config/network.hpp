/// The settings of a port on the network, from their texts; and whether they go together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// A numeric IPv4 or IPv6 address that a host may have: no group, none that means nobody, everybody
/// or the host itself.
[[nodiscard]] base::Result<Address> read_own_address(const std::string& text);

/// 1 to 4094, or 0 for untagged frames.
[[nodiscard]] base::Result<std::uint16_t> read_vlan(const std::string& text);

/// "02:00:00:00:00:01", of one station.
[[nodiscard]] base::Result<net::MacAddress> read_station_mac(const std::string& text);

/// Names of drop reasons as counters have them, separated by commas.
[[nodiscard]] base::Result<std::vector<DropReason>> read_drop_reasons(const std::string& text);

/// Refuses: no device, no address, too many addresses, one or a VLAN twice, an MTU too small for
/// IPv6 where there is an IPv6 address, more taps than devices, a capture without a file or a file
/// without a capture.
[[nodiscard]] base::Result<void> check_network(const DpdkOptions& options);

}  // namespace pssst::server
