#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "net/dpdk_port.hpp"
#include "net/dpdk_port_background.hpp"
#include "net/dpdk_port_device.hpp"
#include "net/dpdk_port_eal.hpp"
#include "net/dpdk_port_impl.hpp"

namespace pssst::net {
namespace {

constexpr unsigned kMbufCache = 256;  // mbufs per lcore

static_assert(kWorkersMax == RTE_MAX_LCORE - 1);
static_assert(RTE_MAX_ETHPORTS <= UINT8_MAX + 1);

unsigned lcore_of(std::size_t worker) noexcept {
  return static_cast<unsigned>(worker + 1);
}

int run_body(void* body) noexcept {
  (*static_cast<const std::function<void()>*>(body))();
  return 0;
}

// EAL keeps pointers into its arguments.
class EalArguments {
 public:
  explicit EalArguments(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    for (std::string& argument : arguments_) pointers_.push_back(argument.data());
    pointers_.push_back(nullptr);
  }
  EalArguments(EalArguments&&) = default;
  EalArguments& operator=(EalArguments&&) = default;
  EalArguments(const EalArguments&) = delete;
  EalArguments& operator=(const EalArguments&) = delete;
  ~EalArguments() = default;

  [[nodiscard]] int count() const noexcept { return static_cast<int>(arguments_.size()); }
  [[nodiscard]] char** pointers() noexcept { return pointers_.data(); }

 private:
  std::vector<std::string> arguments_;
  std::vector<char*> pointers_;
};

// EAL leaves it behind; if another process keeps something there, it stays.
void remove_runtime_directory() noexcept {
  std::error_code ignored;
  const std::filesystem::path directory = rte_eal_get_runtime_dir();
  std::filesystem::remove(directory, ignored);
  std::filesystem::remove(directory.parent_path(), ignored);
}

base::Result<void> start_eal(EalArguments& arguments) {
  static std::atomic<bool> has_started = false;
  if (has_started.exchange(true)) return base::fail("DPDK cannot start twice in one process");
  // EAL removes its telemetry's socket when the process exits, which comes before this: last
  // registered, first called.
  static_cast<void>(std::atexit([] { remove_runtime_directory(); }));
  rte_openlog_stream(stderr);
  rte_log_set_global_level(RTE_LOG_WARNING);
  if (rte_eal_init(arguments.count(), arguments.pointers()) < 0) {
    return base::fail(std::string("DPDK cannot start: ") + rte_strerror(rte_errno));
  }
  return {};
}

// net_memif (22.11) leaves its listener to EAL's interrupt thread when it is closed. A peer that
// connects again meanwhile, as net_memif does at once, leads that thread into memory that is gone:
// one stop in four crashed. So nothing is taken down, and the kernel takes all back with the
// process; only the socket's file would stay.
bool leave_to_kernel(std::span<const DpdkDevice> devices, std::span<const std::string> sockets) {
  const bool any_memif = std::any_of(devices.begin(), devices.end(), [](const DpdkDevice& device) {
    return std::string_view(device.info.driver_name) == "net_memif";
  });
  if (!any_memif) return false;
  std::error_code ignored;
  for (const std::string& path : sockets) std::filesystem::remove(path, ignored);
  return true;
}

// What EAL and the drivers said makes the error whole.
base::Error with_last_words(base::Error error, std::string_view messages) {
  const std::string words = last_words(words_about(messages, error.where));
  if (!words.empty()) error.what += " (" + words + ")";
  if (error.remedy.empty()) error.remedy = remedy_for(words, ::geteuid() == 0);
  return error;
}

std::vector<std::string> listening_paths(const DpdkConfig& config) {
  std::vector<std::string> paths;
  for (const std::string& vdev : config.vdevs) {
    if (std::string path = listening_path(vdev); !path.empty()) paths.push_back(std::move(path));
  }
  return paths;
}

base::Result<void> clear_stale_sockets(const DpdkConfig& config) {
  for (const std::string& path : listening_paths(config)) {
    if (auto cleared = clear_stale_socket(path); !cleared) return cleared;
  }
  return {};
}

VlanSet vlan_set(std::span<const std::uint16_t> vlans) {
  VlanSet set;
  for (const std::uint16_t vlan : vlans) set.set(vlan);
  return vlans.empty() ? VlanSet{1} : set;
}

}  // namespace

std::string mbuf_pool_name(std::size_t worker) {
  return "pssst_mbufs_" + std::to_string(worker);
}

struct DpdkRuntime::Impl {
  struct Worker {
    rte_mempool* pool = nullptr;
    std::unique_ptr<DpdkPort::Impl> port;  // until taken
    std::shared_ptr<PortCounters> counters;
    std::shared_ptr<WorkerRings> rings;
    std::function<void()> body;
  };

  explicit Impl(EalArguments eal_arguments) : arguments(std::move(eal_arguments)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  base::Result<void> bring_up(const DpdkConfig& config);
  base::Result<void> find_devices(const DpdkConfig& config);
  base::Result<std::vector<QueueAssignment>> configure_devices(const DpdkConfig& config);
  base::Result<void> make_worker(std::size_t index, const DpdkConfig& config,
                                 std::span<const QueueAssignment> assignments);

  EalArguments arguments;
  bool is_eal_running = false;
  bool has_telemetry = false;
  std::vector<std::string> sockets;  // that devices listen at
  std::vector<DpdkDevice> devices;
  std::vector<Worker> workers;
  std::shared_ptr<const OwnAddresses> addresses;
  std::unique_ptr<PortBackground> background;
};

DpdkRuntime::Impl::~Impl() {
  if (!is_eal_running) return;
  rte_eal_mp_wait_lcore();
  background.reset();
  if (leave_to_kernel(devices, sockets)) return;
  // Drivers complain of what vanished before them, an interface that was moved or a peer.
  const OutputCapture capture;
  for (const DpdkDevice& device : devices) close_device(device);
  for (const Worker& worker : workers) rte_mempool_free(worker.pool);
  rte_eal_cleanup();
  remove_runtime_directory();
}

base::Result<void> DpdkRuntime::Impl::find_devices(const DpdkConfig& config) {
  for (const auto* names : {&config.vdevs, &config.pci_devices}) {
    for (const std::string& name : *names) {
      auto device = find_device(device_name(name));
      if (!device) return tl::unexpected(device.error());
      devices.push_back(*std::move(device));
    }
  }
  return {};
}

base::Result<std::vector<QueueAssignment>> DpdkRuntime::Impl::configure_devices(
    const DpdkConfig& config) {
  std::vector<unsigned> queues_max;
  for (const DpdkDevice& device : devices) queues_max.push_back(device.queues_max());
  const std::vector<unsigned> queues = queues_per_device(queues_max, config.cpus.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    auto configured = configure_device(devices[i], queues[i], config.queue_size);
    if (!configured) return tl::unexpected(configured.error());
  }
  return deal_queues(queues, config.cpus.size());
}

base::Result<void> DpdkRuntime::Impl::make_worker(std::size_t index, const DpdkConfig& config,
                                                  std::span<const QueueAssignment> assignments) {
  Worker& worker = workers[index];
  worker.port = std::make_unique<DpdkPort::Impl>();
  worker.port->slots = config.slots;
  worker.counters = worker.port->counters;
  worker.rings = worker.port->rings;
  // What the queues and the worker hold, and what lies in the caches of its lcore and the main one.
  unsigned mbufs = config.slots + 2 * kFrameBurst + 4 * kMbufCache;
  for (const QueueAssignment& assignment : assignments) {
    if (assignment.worker == index) mbufs += devices[assignment.device].mbufs_per_queue();
  }
  const unsigned socket = config.hugepages ? rte_lcore_to_socket_id(lcore_of(index)) : 0;
  worker.pool = rte_pktmbuf_pool_create(mbuf_pool_name(index).c_str(), mbufs, kMbufCache, 0,
                                        RTE_MBUF_DEFAULT_BUF_SIZE, static_cast<int>(socket));
  if (worker.pool == nullptr) {
    return base::fail("no memory for the " + std::to_string(mbufs) + " frame buffers of worker " +
                          std::to_string(index) + ": " + rte_strerror(rte_errno),
                      {}, config.hugepages ? "raise vm.nr_hugepages" : "give DPDK more memory");
  }
  worker.port->pool = worker.pool;
  for (const QueueAssignment& assignment : assignments) {
    if (assignment.worker != index) continue;
    const DpdkDevice& device = devices[assignment.device];
    if (auto made = set_up_queue(device, assignment.queue, socket, worker.pool); !made) return made;
    worker.port->queue_of_device[device.id] = static_cast<std::uint8_t>(worker.port->queues.size());
    DpdkQueue& queue = worker.port->queues.emplace_back();
    queue.device = device.id;
    queue.queue = static_cast<std::uint16_t>(assignment.queue);
    queue.checks_checksums = device.checks_checksums;
    queue.has_tap = assignment.device < config.taps.size();
    queue.filter = {.mac = device.mac,
                    .gateway_mac = config.gateway_mac,
                    .addresses = addresses,
                    .udp_ports = config.udp_ports,
                    .vlans = vlan_set(config.vlans),
                    .mtu = mtu_of(device, config),
                    .verify_udp_checksum = config.verify_udp_checksum};
  }
  return {};
}

base::Result<void> DpdkRuntime::Impl::bring_up(const DpdkConfig& config) {
  if (auto started = start_eal(arguments); !started) return started;
  is_eal_running = true;
  addresses = std::make_shared<const OwnAddresses>(config.addresses);
  has_telemetry = wants_telemetry(config);
  sockets = listening_paths(config);
  if (auto found = find_devices(config); !found) return found;
  const auto assignments = configure_devices(config);
  if (!assignments) return tl::unexpected(assignments.error());
  workers.resize(config.cpus.size());
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (auto made = make_worker(i, config, *assignments); !made) return made;
  }
  for (const DpdkDevice& device : devices) {
    if (auto started = start_device(device); !started) return started;
    join_groups(device, *addresses);
    if (!config.taps.empty()) join_all_groups(device);
  }
  std::vector<PortBackground::Worker> sides;
  for (const Worker& worker : workers) sides.push_back({worker.rings, worker.counters});
  auto started = start_background(config, devices, *assignments, std::move(sides));
  if (!started) return tl::unexpected(std::move(started.error()));
  background = std::move(*started);
  return {};
}

base::Result<std::unique_ptr<DpdkRuntime>> DpdkRuntime::start(const DpdkConfig& config) {
  PSSST_ASSERT(config.udp_ports != nullptr);
  auto arguments = make_eal_arguments(config, allowed_cpus());
  if (!arguments) return tl::unexpected(arguments.error());
  if (config.hugepages && free_hugepages() == 0) {
    return base::fail("this machine has no free hugepages", {},
                      "sysctl -w vm.nr_hugepages=512, or run without hugepages");
  }
  if (auto cleared = clear_stale_sockets(config); !cleared) {
    return tl::unexpected(cleared.error());
  }
  // The capture outlives what may complain while it is taken down.
  const OutputCapture capture;
  auto impl = std::make_unique<Impl>(EalArguments(*std::move(arguments)));
  if (auto up = impl->bring_up(config); !up) {
    return tl::unexpected(with_last_words(up.error(), capture.text()));
  }
  if (is_out_of_reach(capture.text())) {
    return base::fail(
        "a vhost-user peer cannot reach all of DPDK's memory: it takes 8 regions of it", {},
        "use larger hugepages, or run without hugepages");
  }
  return std::unique_ptr<DpdkRuntime>(new DpdkRuntime(std::move(impl)));
}

DpdkRuntime::DpdkRuntime(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
DpdkRuntime::~DpdkRuntime() = default;

std::unique_ptr<DpdkPort> DpdkRuntime::take_port(std::size_t worker) {
  PSSST_ASSERT(worker < impl_->workers.size() && impl_->workers[worker].port != nullptr);
  return std::unique_ptr<DpdkPort>(new DpdkPort(std::move(impl_->workers[worker].port)));
}

base::Result<void> DpdkRuntime::launch(std::size_t worker, std::function<void()> body) {
  PSSST_ASSERT(worker < impl_->workers.size());
  const unsigned lcore = lcore_of(worker);
  if (rte_eal_get_lcore_state(lcore) != WAIT) {
    return base::fail("worker " + std::to_string(worker) + " is running already");
  }
  impl_->workers[worker].body = std::move(body);
  const int result = rte_eal_remote_launch(run_body, &impl_->workers[worker].body, lcore);
  if (result != 0)
    return dpdk_failure("cannot launch worker " + std::to_string(worker), result, {});
  return {};
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): EAL keeps the state for us
void DpdkRuntime::join() noexcept {
  rte_eal_mp_wait_lcore();
}

std::vector<std::string> DpdkRuntime::describe_devices() const {
  std::vector<std::string> lines;
  for (const DpdkDevice& device : impl_->devices) lines.push_back(device.describe());
  return lines;
}

std::vector<DeviceStatistics> DpdkRuntime::device_statistics() const {
  std::vector<DeviceStatistics> all;
  for (const DpdkDevice& device : impl_->devices) {
    DeviceStatistics& statistics = all.emplace_back();
    statistics.name = device.name;
    statistics.link_up = device.link_up();
    rte_eth_stats stats{};
    if (rte_eth_stats_get(device.id, &stats) != 0) continue;
    statistics.received_packets = stats.ipackets;
    statistics.received_bytes = stats.ibytes;
    statistics.sent_packets = stats.opackets;
    statistics.sent_bytes = stats.obytes;
    statistics.missed = stats.imissed;
    statistics.errors_in = stats.ierrors;
    statistics.errors_out = stats.oerrors;
    statistics.no_buffers = stats.rx_nombuf;
  }
  return all;
}

bool DpdkRuntime::has_telemetry() const noexcept {
  return impl_->has_telemetry;
}

void DpdkRuntime::read_device_counters() noexcept {
  std::uint64_t missed = 0;
  for (const DpdkDevice& device : impl_->devices) {
    rte_eth_stats stats{};
    if (rte_eth_stats_get(device.id, &stats) == 0) missed += stats.imissed + stats.rx_nombuf;
  }
  impl_->workers.front().counters->missed.set(missed);
}

}  // namespace pssst::net
