/// The background of a runtime's devices.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "net/dpdk_port.hpp"
#include "net/dpdk_port_device.hpp"
#include "net/dpdk_port_eal.hpp"
#include "net/port_background.hpp"

namespace pssst::net {

/// The largest IP packet that is sent by the device.
[[nodiscard]] std::uint16_t mtu_of(const DpdkDevice& device, const DpdkConfig& config) noexcept;

/// Makes the workers' rings, the taps and the file of captured drops, as the configuration asks
/// for, and starts the thread; null if there is nothing for it to do. `devices` outlive it. Before
/// the workers begin.
[[nodiscard]] base::Result<std::unique_ptr<PortBackground>> start_background(
    const DpdkConfig& config, std::span<const DpdkDevice> devices,
    std::span<const QueueAssignment> assignments, std::vector<PortBackground::Worker> workers);

}  // namespace pssst::net
