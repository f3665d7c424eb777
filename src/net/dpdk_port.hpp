/// The port over DPDK: any ethdev, PCI or virtual. No DPDK header is seen through this one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/datagram.hpp"
#include "net/device_statistics.hpp"
#include "net/drop_capture.hpp"
#include "net/frame.hpp"
#include "net/port.hpp"

namespace pssst::net {

/// Which drops are written to a file, and how many.
struct CaptureConfig {
  DropReasons reasons;
  std::string file;
  unsigned rate = 100;                           ///< frames a second and worker at most
  std::size_t size_max = std::size_t{64} << 20;  ///< of the file, bytes
};

struct DpdkConfig {
  std::vector<std::string> vdevs;        ///< as EAL's --vdev, "net_tap0,iface=pssst0"
  std::vector<std::string> pci_devices;  ///< as EAL's --allow; none: --no-pci
  std::vector<unsigned> cpus;            ///< one worker each, in this order
  bool hugepages = false;                ///< --in-memory, else --no-huge with memory_mb
  unsigned memory_mb = 256;              ///< without hugepages: all that DPDK will ever have
  unsigned queue_size = 1024;            ///< descriptors per queue
  unsigned slots = 2048;                 ///< datagrams that a worker may hold at once
  std::vector<IpAddress> addresses{};    ///< ours, on every device
  /// Served on every device; none: untagged frames alone.
  std::vector<std::uint16_t> vlans{};
  std::optional<MacAddress> gateway_mac{};      ///< of all replies; none: where each came from
  unsigned mtu = 0;                             ///< largest IP packet sent; 0: the device's
  std::shared_ptr<const UdpPortSet> udp_ports;  ///< not null
  /// Per device, virtual ones first: the name of a tap through which the kernel gets what is not
  /// for us, and sends. Fewer than devices: the rest have none.
  std::vector<std::string> taps{};
  bool announce = false;  ///< our addresses, whenever a link comes up
  std::optional<CaptureConfig> capture{};
  /// Gets a line when a link changes or the capture fails, on a thread of the runtime; may be null.
  std::function<void(const std::string&)> notify{};
  /// False where a local kernel's datagrams arrive (veth): it leaves their UDP checksums partial.
  bool verify_udp_checksum = true;
  std::vector<std::string> eal_arguments;  ///< appended as they are
};

/// One worker's queues: queue pairs of the devices, dealt out in turn.
class DpdkPort {
 public:
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;
  ~DpdkPort();

  [[nodiscard]] std::size_t receive(std::span<Datagram> received) noexcept;
  void transmit(std::span<Reply> replies) noexcept;
  void release(const Datagram& datagram, DropReason drop = DropReason::kNone) noexcept;
  /// Sleeps on CLOCK_MONOTONIC until the whole timeout has passed (poll mode has no wake-up).
  void wait(std::chrono::microseconds timeout) noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept;
  [[nodiscard]] const PortCounters& counters() const noexcept;

 private:
  friend class DpdkRuntime;
  friend class DpdkClientPort;
  struct Impl;
  explicit DpdkPort(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

static_assert(Port<DpdkPort>);

/// EAL and the devices. One per process, ever: EAL cannot start twice.
///
/// Signals: the runtime blocks none, and no thread of the process may block all of them: net_tap
/// learns of frames by a real-time signal that must reach some thread. Block just those that are
/// waited for. That signal cuts sleeps short, wherever it lands.
class DpdkRuntime {
 public:
  /// Starts EAL and every device. What EAL writes to stdout and stderr meanwhile is kept back; on
  /// failure the error names the cause (no such CPU, no hugepages, no such device, no permission,
  /// too few queues) and carries EAL's last words. Afterwards warnings of DPDK's drivers go to
  /// stderr. The calling thread may run on all allowed CPUs from then on.
  static base::Result<std::unique_ptr<DpdkRuntime>> start(const DpdkConfig& config);
  DpdkRuntime(const DpdkRuntime&) = delete;
  DpdkRuntime& operator=(const DpdkRuntime&) = delete;
  /// Joins the workers, stops and closes the devices, cleans EAL up. Ports must be gone by then,
  /// and every datagram that they held released.
  ~DpdkRuntime();

  /// Worker i's port; each may be taken once. It is used on worker i's lcore, or by another thread
  /// while that one does not.
  [[nodiscard]] std::unique_ptr<DpdkPort> take_port(std::size_t worker);
  /// Runs `body` on worker i's lcore; it returns when told to stop by its own means.
  base::Result<void> launch(std::size_t worker, std::function<void()> body);
  /// Waits for all that were launched.
  void join() noexcept;
  /// One line per device: name, driver, MAC, queue pairs, link.
  [[nodiscard]] std::vector<std::string> describe_devices() const;
  /// What the devices count, in the order of describe_devices(). May enter the kernel.
  [[nodiscard]] std::vector<DeviceStatistics> device_statistics() const;
  /// The extra EAL arguments turned telemetry on.
  [[nodiscard]] bool has_telemetry() const noexcept;
  /// Refreshes PortCounters::missed of worker 0's port from the devices' own statistics: what they
  /// lost for want of descriptors or buffers. Not on the hot path: may enter the kernel.
  void read_device_counters() noexcept;

 private:
  struct Impl;
  explicit DpdkRuntime(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pssst::net
