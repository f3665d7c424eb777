/// What the DPDK port's two halves share: the runtime that makes ports and the ports themselves.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/dpdk_port.hpp"
#include "net/port_background.hpp"

namespace pssst::net {

/// Frames per rx_burst and tx_burst.
inline constexpr std::uint16_t kFrameBurst = 64;

/// One queue pair of a device, and the frames on their way to it.
struct DpdkQueue {
  std::uint16_t device = 0;  ///< DPDK's port number
  std::uint16_t queue = 0;
  FrameFilter filter;
  bool checks_checksums = false;  ///< the device does
  bool has_tap = false;           ///< what is foreign goes to the kernel

  std::uint16_t staged_count = 0;
  std::array<rte_mbuf*, kFrameBurst> staged{};
  std::array<Reply*, kFrameBurst> staged_reply{};

  /// Makes a question's frame its answer and stages it; false, and nothing done, if its buffer is
  /// too small for any.
  bool stage_answer(rte_mbuf* mbuf, FrameQuestion question) noexcept;
  /// Hands staged frames to the device; those that it does not take are freed. Returns how many it
  /// took: the first ones.
  std::uint16_t send_staged() noexcept;
};

struct DpdkPort::Impl {
  std::vector<DpdkQueue> queues;
  std::size_t next_queue = 0;
  /// DPDK's port number -> index into queues: a worker has one queue of a device at most.
  std::array<std::uint8_t, RTE_MAX_ETHPORTS> queue_of_device{};
  std::size_t slots = 0;
  rte_mempool* pool = nullptr;  ///< that its frames come from
  /// Shared with the background; never null.
  std::shared_ptr<WorkerRings> rings = std::make_shared<WorkerRings>();
  /// Shared with the runtime, which writes `missed`.
  std::shared_ptr<PortCounters> counters = std::make_shared<PortCounters>();

  std::size_t receive_burst(DpdkQueue& queue, std::span<Datagram> received) noexcept;
  void send_replies(DpdkQueue& queue) noexcept;
  /// What the background has for the devices.
  void send_outgoing() noexcept;
  bool hand_to_kernel(std::span<const std::uint8_t> frame, const DpdkQueue& queue,
                      ParsedFrame& parsed) noexcept;
  void capture(std::span<const std::uint8_t> frame, DropReason drop, std::uint16_t device) noexcept;
};

/// The buffer that a received datagram lies in.
[[nodiscard]] inline rte_mbuf* datagram_mbuf(const Datagram& datagram) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): receive() made the handle of this pointer
  return reinterpret_cast<rte_mbuf*>(datagram.handle);
}

/// What a device has found of a frame: only what is surely right counts. A checksum that it calls
/// wrong is looked at again, so that a drop is never a driver's whim.
[[nodiscard]] inline DeviceChecks checks_of(const rte_mbuf& mbuf, bool checks_checksums) noexcept {
  if (!checks_checksums) return {};
  return {
      .ip_checksum = (mbuf.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
      .udp_checksum = (mbuf.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD};
}

/// The mempool of a worker's mbufs: "pssst_mbufs_0".
[[nodiscard]] std::string mbuf_pool_name(std::size_t worker);

}  // namespace pssst::net
