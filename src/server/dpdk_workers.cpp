#include "server/worker_group.hpp"

#ifdef PSSST_WITH_DPDK

#include <utility>

#include "net/dpdk_port.hpp"
#include "server/port_workers.hpp"

namespace pssst::server {
namespace {

// Poll mode has no wake-up: a wait is latency for what arrives meanwhile, so it is short and begins
// only when traffic has paused.
constexpr std::uint32_t kPollsBeforeWait = 1000;
constexpr std::chrono::microseconds kWaitMax{100};

std::optional<net::CaptureConfig> capture_config(const DpdkOptions& options) {
  if (options.capture_drops.empty()) return std::nullopt;
  net::CaptureConfig capture{.reasons = {},
                             .file = options.capture_file,
                             .rate = options.capture_rate,
                             .size_max = std::size_t{options.capture_size_mb} << 20};
  for (const DropReason reason : options.capture_drops) {
    capture.reasons.set(static_cast<std::size_t>(reason));
  }
  return capture;
}

net::DpdkConfig runtime_config(const Configuration& configuration,
                               const std::vector<unsigned>& cpus,
                               std::function<void(const std::string&)> notify) {
  auto udp_ports = std::make_shared<std::bitset<65536>>();
  for (const ServiceSettings& service : configuration.services) udp_ports->set(service.udp_port);
  const DpdkOptions& options = configuration.dpdk;
  return net::DpdkConfig{.vdevs = options.vdevs,
                         .pci_devices = options.pci_devices,
                         .cpus = cpus,
                         .hugepages = options.hugepages,
                         .memory_mb = options.memory_mb,
                         .queue_size = options.queue_size,
                         .addresses = options.addresses,
                         .vlans = options.vlans,
                         .gateway_mac = options.gateway_mac,
                         .mtu = options.mtu,
                         .udp_ports = std::move(udp_ports),
                         .taps = options.exception_taps,
                         .announce = true,
                         .capture = capture_config(options),
                         .notify = std::move(notify),
                         .verify_udp_checksum = options.verify_udp_checksum,
                         .eal_arguments = options.eal_arguments};
}

WorkerSettings worker_settings(const Configuration& configuration) {
  WorkerSettings settings;
  settings.x25519_kernel = configuration.x25519_kernel;
  settings.proof_table_memory = proof_table_bytes(configuration);
  settings.polls_before_wait = configuration.idle == IdleMode::kSpin ? 0 : kPollsBeforeWait;
  settings.wait_max = kWaitMax;
  return settings;
}

class DpdkWorkers final : public WorkerGroup {
 public:
  DpdkWorkers(std::unique_ptr<net::DpdkRuntime> runtime, const Configuration& configuration,
              const std::vector<unsigned>& cpus, Published<Snapshot>& snapshots)
      : runtime_(std::move(runtime)), workers_(cpus, snapshots, worker_settings(configuration)) {}
  DpdkWorkers(const DpdkWorkers&) = delete;
  DpdkWorkers& operator=(const DpdkWorkers&) = delete;
  ~DpdkWorkers() override { join(); }

  base::Result<void> start() {
    std::size_t launched = 0;
    base::Result<void> result;
    for (; launched < workers_.size() && result; ++launched) {
      result = runtime_->launch(launched, [this, i = launched] {
        workers_.run(i, [this, i] {
          return base::Result<std::unique_ptr<net::DpdkPort>>(runtime_->take_port(i));
        });
      });
      if (!result) return result;
    }
    return workers_.wait_started(launched);
  }

  void stop() noexcept override { join(); }
  void refresh_counters() noexcept override { runtime_->read_device_counters(); }
  [[nodiscard]] std::vector<WorkerSource> sources() const override { return workers_.sources(); }
  [[nodiscard]] std::string x25519_kernel() const override { return workers_.x25519_kernel(); }
  [[nodiscard]] std::string describe_port() const override {
    std::string text = "DPDK";
    for (const std::string& device : runtime_->describe_devices()) text += ", " + device;
    return text;
  }

 private:
  void join() noexcept {
    workers_.request_stop();
    runtime_->join();
  }

  const std::unique_ptr<net::DpdkRuntime> runtime_;  ///< outlives the workers' ports
  PortWorkers<net::DpdkPort> workers_;
};

}  // namespace

base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(
    const Configuration& configuration, const std::vector<unsigned>& cpus,
    Published<Snapshot>& snapshots, std::function<void(const std::string&)> notify) {
  auto runtime = net::DpdkRuntime::start(runtime_config(configuration, cpus, std::move(notify)));
  if (!runtime) return tl::unexpected(runtime.error());
  auto group = std::make_unique<DpdkWorkers>(std::move(*runtime), configuration, cpus, snapshots);
  if (auto started = group->start(); !started) return tl::unexpected(started.error());
  return group;
}

}  // namespace pssst::server

#else

namespace pssst::server {

base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(
    const Configuration&, const std::vector<unsigned>&, Published<Snapshot>&,
    std::function<void(const std::string&)>) {
  return base::fail("this pssstd was built without DPDK", "--port dpdk",
                    "build it with meson setup -Ddpdk=enabled, or use --port socket");
}

}  // namespace pssst::server

#endif
