/// What a port needs done besides polling, on a thread of its own: its workers make no system calls
/// and wait for nobody. No DPDK.
#pragma once

#include <poll.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "net/address.hpp"
#include "net/drop_capture.hpp"
#include "net/frame_ring.hpp"
#include "net/pcap_file.hpp"
#include "net/port.hpp"
#include "net/tap_device.hpp"

namespace pssst::net {

struct LinkState {
  bool is_up = false;
  std::string speed;  ///< "10000 Mbps"; empty: unknown

  bool operator==(const LinkState&) const = default;
};

/// Rings between the background and one worker; those that are not there are not needed.
struct WorkerRings {
  std::optional<FrameRing> outgoing;   ///< to be sent by the worker, as they are
  std::optional<FrameRing> to_kernel;  ///< handed over by the worker
  std::optional<DropCapture> capture;
};

/// - Frames that workers hand over go to the kernel through a tap of their device, and what the
///   kernel sends there goes to the worker that sends for the device. A tap of its own, not the
///   port's driver for one: that would make system calls in every poll of a worker. A tap that
///   somebody deletes is told and given up.
/// - Whenever a link comes up, and at the start, every address is announced in every VLAN. Of IPv6
///   addresses the groups of their solicitations are reported then, and every minute, well within
///   the time in which a switch that snoops forgets a listener: its queries are not answered.
/// - Changes of links are told, and the taps' carriers follow them.
/// - Captured drops are written to a file; once that fails, it is told and given up.
class PortBackground {
 public:
  struct Device {
    std::string name;
    std::uint16_t id = 0;  ///< DPDK's port number
    MacAddress mac{};
    std::function<LinkState()> read_link;
    std::size_t sender = 0;        ///< the worker that sends for the device
    std::optional<TapDevice> tap;  ///< none: nothing of this device goes to the kernel
  };
  struct Worker {
    std::shared_ptr<WorkerRings> rings;
    std::shared_ptr<PortCounters> counters;
  };
  struct Config {
    std::vector<Device> devices;
    std::vector<Worker> workers;
    std::vector<IpAddress> announced;  ///< empty: nothing is announced
    std::vector<std::uint16_t> vlans;  ///< to announce in; 0: untagged
    std::optional<PcapFile> capture;
    std::function<void(const std::string&)> notify;  ///< one line; may be null
  };

  /// Begins with one run_once(), so that links are known and announced when it returns.
  explicit PortBackground(Config config);
  PortBackground(const PortBackground&) = delete;
  PortBackground& operator=(const PortBackground&) = delete;
  /// Ends the thread; what was captured by then is written.
  ~PortBackground();

  /// Starts the thread, on any of `cpus`; none: wherever the calling thread may run.
  void start(std::vector<unsigned> cpus);
  /// One round, at a time in nanoseconds of a clock that only goes forward. Not while the thread
  /// runs. True if frames were carried: there may be more.
  bool run_once(std::uint64_t now_ns);

 private:
  struct Announcing {
    bool is_on = false;        ///< the link is up
    unsigned rounds_left = 0;  ///< of announcements; then groups are reported alone
    std::uint64_t next_ns = 0;
    std::size_t next = 0;  ///< of all pairs of an address and a VLAN, twice: group, announcement
  };

  void run();
  void wait(bool was_busy);
  void give_up_taps(std::span<const pollfd> polled);
  void poll_links(std::uint64_t now_ns);
  void announce(std::size_t index, std::uint64_t now_ns);
  std::size_t make_next(const Device& device, const Announcing& announcing);
  bool carry_to_kernel();
  bool carry_from_kernel();
  bool write_captured();
  TapDevice* tap_of(std::uint16_t device_id);

  Config config_;
  std::vector<std::optional<LinkState>> links_;
  std::vector<Announcing> announcing_;
  std::uint64_t next_link_poll_ns_ = 0;
  std::vector<std::uint8_t> frame_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace pssst::net
