/// How EAL is started: its arguments, the messages it leaves, and who gets which queue. No DPDK
/// here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "net/dpdk_port.hpp"

namespace pssst::net {

/// EAL's main lcore, which polls nothing; worker i is lcore i + 1.
inline constexpr unsigned kMainLcore = 0;
/// RTE_MAX_LCORE of the build less the main lcore.
inline constexpr std::size_t kWorkersMax = 127;

/// The CPUs that this process may run on (sched_getaffinity(2)), ascending.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

/// Free hugepages of any size on this machine.
[[nodiscard]] std::size_t free_hugepages();

/// argv for rte_eal_init(). The main lcore floats on all allowed CPUs; each worker's is bound to
/// its own. Where a device is a vhost-user peer's, its memory lies in as few files as there can be.
/// Telemetry is off unless the extra arguments turn it on. Refuses: no device, a device
/// name twice, no worker, too many, a CPU twice or not allowed.
[[nodiscard]] base::Result<std::vector<std::string>> make_eal_arguments(
    const DpdkConfig& config, std::span<const unsigned> allowed);

/// The extra EAL arguments have --telemetry.
[[nodiscard]] bool wants_telemetry(const DpdkConfig& config) noexcept;

/// A driver said that a vhost-user peer cannot be told of all memory. It starts all the same, and
/// carries nothing.
[[nodiscard]] bool is_out_of_reach(std::string_view messages) noexcept;

/// "net_tap0,iface=pssst0" -> "net_tap0".
[[nodiscard]] std::string_view device_name(std::string_view argument) noexcept;

/// The value of `key` in "net_tap0,iface=pssst0"; empty if it is not there.
[[nodiscard]] std::string_view device_option(std::string_view argument,
                                             std::string_view key) noexcept;

/// The path at which a vhost or memif device will listen; empty for all others, for clients and for
/// abstract addresses.
[[nodiscard]] std::string listening_path(std::string_view device);

/// Removes a socket that a process which is no more left at `path`: drivers do not bind over it.
/// Fails if someone listens there: a driver that failed to bind would remove it.
[[nodiscard]] base::Result<void> clear_stale_socket(const std::string& path);

/// What EAL wrote of one device while it probed its virtual devices; all of it if nothing stands
/// out.
[[nodiscard]] std::string_view words_about(std::string_view messages, std::string_view device);

/// What EAL wrote, cut to its last few lines that tell something, joined by "; ": blank lines, the
/// usage text, summaries and lines said twice are left out.
[[nodiscard]] std::string last_words(std::string_view messages);

/// A remedy for what the last words complain of; empty if there is none to tell.
[[nodiscard]] std::string remedy_for(std::string_view words, bool is_root);

struct QueueAssignment {
  std::size_t device = 0;  ///< index into the devices
  unsigned queue = 0;
  std::size_t worker = 0;
};

/// How many queue pairs each device gets: as many as there are workers, or as it has.
[[nodiscard]] std::vector<unsigned> queues_per_device(std::span<const unsigned> queues_max,
                                                      std::size_t workers);

/// Deals all queues out in turn, device by device. A worker never gets two queues of one device.
/// Refuses if a worker would go without.
[[nodiscard]] base::Result<std::vector<QueueAssignment>> deal_queues(
    std::span<const unsigned> queues, std::size_t workers);

/// Keeps back what is written to stdout and stderr, by anyone in the process, while it lives.
class OutputCapture {
 public:
  OutputCapture();
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;
  ~OutputCapture();

  /// All so far. Empty where nothing could be captured.
  [[nodiscard]] std::string text() const;

 private:
  int file_ = -1;
  int stdout_ = -1;
  int stderr_ = -1;
};

}  // namespace pssst::net
