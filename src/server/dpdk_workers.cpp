#include "server/worker_group.hpp"

#ifdef PSSST_WITH_DPDK

#include <algorithm>
#include <utility>

#include "net/dpdk_port.hpp"
#include "net/dpdk_telemetry.hpp"
#include "server/log.hpp"
#include "server/port_workers.hpp"
#include "server/telemetry_commands.hpp"

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
                               std::shared_ptr<const net::UdpPortSet> udp_ports) {
  const DpdkOptions& options = configuration.dpdk;
  return net::DpdkConfig{
      .vdevs = options.vdevs,
      .pci_devices = options.pci_devices,
      .cpus = cpus,
      .hugepages = options.hugepages,
      .memory_mb = options.memory_mb,
      .queue_size = options.queue_size,
      .slots = net::DpdkConfig{}.slots + static_cast<unsigned>(later_replies_of(configuration)),
      .addresses = options.addresses,
      .vlans = options.vlans,
      .gateway_mac = options.gateway_mac,
      .mtu = options.mtu,
      .udp_ports = std::move(udp_ports),
      .taps = options.exception_taps,
      .announce = true,
      .capture = capture_config(options),
      .notify = [](const std::string& line) { log_info(line); },
      .verify_udp_checksum = options.verify_udp_checksum,
      .eal_arguments = options.eal_arguments};
}

WorkerSettings worker_settings(const Configuration& configuration, HandlerRuntime& handlers,
                               const WorkerClients& clients) {
  WorkerSettings settings;
  settings.handlers = &handlers;
  settings.x25519_kernel = configuration.x25519_kernel;
  settings.proof_table_memory = proof_table_bytes(configuration);
  settings.protection_memory = configuration.protection_memory;
  settings.directory = clients.directory;
  settings.clients_expected = clients.expected;
  settings.polls_before_wait = configuration.idle == IdleMode::kSpin ? 0 : kPollsBeforeWait;
  settings.wait_max = kWaitMax;
  return settings;
}

class DpdkTelemetryAnswers final : public TelemetryAnswers {
 public:
  explicit DpdkTelemetryAnswers(std::unique_ptr<net::DpdkTelemetry> telemetry) noexcept
      : telemetry_(std::move(telemetry)) {}

 private:
  const std::unique_ptr<net::DpdkTelemetry> telemetry_;
};

class DpdkWorkers final : public WorkerGroup {
 public:
  DpdkWorkers(std::unique_ptr<net::DpdkRuntime> runtime, std::shared_ptr<net::UdpPortSet> udp_ports,
              const Configuration& configuration, const std::vector<unsigned>& cpus,
              Published<Snapshot>& snapshots, HandlerRuntime& handlers,
              const WorkerClients& clients)
      : runtime_(std::move(runtime)),
        udp_ports_(std::move(udp_ports)),
        workers_(cpus, snapshots, worker_settings(configuration, handlers, clients)) {}
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
  base::Result<void> open_udp_ports(std::span<const std::uint16_t> udp_ports) override {
    for (const std::uint16_t udp_port : udp_ports) udp_ports_->insert(udp_port);
    return {};
  }
  base::Result<void> close_udp_ports_except(std::span<const std::uint16_t> udp_ports) override {
    for (unsigned udp_port = 0; udp_port <= UINT16_MAX; ++udp_port) {
      if (std::ranges::find(udp_ports, udp_port) == udp_ports.end()) {
        udp_ports_->erase(static_cast<std::uint16_t>(udp_port));
      }
    }
    return {};
  }
  void clear_counters(const CounterSlots::Freed& freed) noexcept override {
    workers_.clear_counters(freed);
  }
  void refresh_counters() noexcept override { runtime_->read_device_counters(); }
  [[nodiscard]] std::vector<WorkerSource> sources() const override { return workers_.sources(); }
  [[nodiscard]] std::string x25519_kernel() const override { return workers_.x25519_kernel(); }
  [[nodiscard]] std::string describe_port() const override {
    std::string text = "DPDK";
    for (const std::string& device : runtime_->describe_devices()) text += ", " + device;
    return text;
  }

  [[nodiscard]] std::vector<DeviceStatistics> device_statistics() const override {
    return runtime_->device_statistics();
  }
  [[nodiscard]] base::Result<std::unique_ptr<TelemetryAnswers>> answer_telemetry(
      Appliance& appliance) override {
    if (!runtime_->has_telemetry()) return nullptr;
    auto telemetry = net::DpdkTelemetry::start(telemetry_commands(appliance));
    if (!telemetry) return tl::unexpected(telemetry.error());
    return std::make_unique<DpdkTelemetryAnswers>(std::move(*telemetry));
  }

 private:
  void join() noexcept {
    workers_.request_stop();
    runtime_->join();
  }

  const std::unique_ptr<net::DpdkRuntime> runtime_;  ///< outlives the workers' ports
  const std::shared_ptr<net::UdpPortSet> udp_ports_;
  PortWorkers<net::DpdkPort> workers_;
};

}  // namespace

base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(const Configuration& configuration,
                                                              const std::vector<unsigned>& cpus,
                                                              Published<Snapshot>& snapshots,
                                                              HandlerRuntime& handlers,
                                                              const WorkerClients& clients) {
  auto udp_ports = std::make_shared<net::UdpPortSet>();
  for (const std::uint16_t udp_port : udp_ports_of(configuration)) udp_ports->insert(udp_port);
  auto runtime = net::DpdkRuntime::start(runtime_config(configuration, cpus, udp_ports));
  if (!runtime) return tl::unexpected(runtime.error());
  auto group = std::make_unique<DpdkWorkers>(std::move(*runtime), std::move(udp_ports),
                                             configuration, cpus, snapshots, handlers, clients);
  if (auto started = group->start(); !started) return tl::unexpected(started.error());
  return group;
}

}  // namespace pssst::server

#else

namespace pssst::server {

base::Result<std::unique_ptr<WorkerGroup>> start_dpdk_workers(const Configuration&,
                                                              const std::vector<unsigned>&,
                                                              Published<Snapshot>&, HandlerRuntime&,
                                                              const WorkerClients&) {
  return base::fail("this pssstd was built without DPDK", "--port dpdk",
                    "build it with meson setup -Ddpdk=enabled, or use --port socket");
}

}  // namespace pssst::server

#endif
