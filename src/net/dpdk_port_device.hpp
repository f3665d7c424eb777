/// One DPDK device, from its name to polled queues.
#pragma once

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "net/frame.hpp"
#include "net/port_background.hpp"

namespace pssst::net {

/// "what: strerror" of a DPDK call that returned a negative errno, at a device.
[[nodiscard]] tl::unexpected<base::Error> dpdk_failure(std::string_view what, int negative_errno,
                                                       std::string_view device);

struct DpdkDevice {
  std::uint16_t id = 0;  ///< DPDK's port number
  std::string name;
  rte_eth_dev_info info{};
  MacAddress mac{};
  std::uint16_t mtu = 0;
  unsigned queues = 0;             ///< pairs in use
  std::uint16_t receive_size = 0;  ///< descriptors per queue
  std::uint16_t transmit_size = 0;
  bool configured = false;
  bool checks_checksums = false;  ///< what it says of received checksums is to be believed

  /// Queue pairs that it can have.
  [[nodiscard]] unsigned queues_max() const noexcept;
  /// The most mbufs that one queue pair keeps from its pool.
  [[nodiscard]] unsigned mbufs_per_queue() const noexcept;
  [[nodiscard]] bool link_up() const noexcept;
  /// "net_tap0: driver net_tap, MAC 02:00:00:00:00:01, 1 queue pair, link up".
  [[nodiscard]] std::string describe() const;
};

/// The device that EAL made of `name`; fails if its driver could not.
[[nodiscard]] base::Result<DpdkDevice> find_device(std::string_view name);

/// Whether a device's word on received checksums counts. Not that of devices that other software
/// makes: to them a datagram that never crossed a wire is right with a partial checksum.
[[nodiscard]] bool is_hardware(std::string_view name, std::string_view driver) noexcept;

/// Sets `queues` pairs of about `queue_size` descriptors each; datagrams are spread over them by
/// the hash of their addresses and UDP ports where the device can. Hardware that can is told to
/// check checksums.
[[nodiscard]] base::Result<void> configure_device(DpdkDevice& device, unsigned queues,
                                                  unsigned queue_size);

/// Buffers of the queue's frames come from `pool`.
[[nodiscard]] base::Result<void> set_up_queue(const DpdkDevice& device, unsigned queue,
                                              unsigned socket, rte_mempool* pool);

[[nodiscard]] base::Result<void> start_device(const DpdkDevice& device);

/// Lets the frames of the groups in which neighbours ask for our IPv6 addresses through the
/// device's filter, by a filter as wide as need be. A device that can set none has none.
void join_groups(const DpdkDevice& device, const OwnAddresses& addresses) noexcept;

/// Lets the frames of all groups through: any of them may be the kernel's.
void join_all_groups(const DpdkDevice& device) noexcept;

[[nodiscard]] LinkState read_link(const DpdkDevice& device);

/// Stops and closes it, whatever state it is in.
void close_device(const DpdkDevice& device) noexcept;

}  // namespace pssst::net
