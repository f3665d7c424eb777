#include "tools/load/dpdk_run.hpp"

#ifdef PSSST_WITH_DPDK

#include <arpa/inet.h>

#include <chrono>
#include <utility>

#include "net/dpdk_port.hpp"
#include "net/dpdk_port_client.hpp"
#include "server/cpus.hpp"

namespace pssst::tools::load {
namespace {

// Of the dynamic range (RFC 6335); several, so that a server's queues get a share each.
constexpr std::uint16_t kFirstUdpPort = 49'152;
constexpr std::uint16_t kUdpPorts = 256;

net::DpdkConfig runtime_config(const DpdkSettings& dpdk, unsigned cpu,
                               const std::vector<std::uint16_t>& udp_ports) {
  auto set = std::make_shared<net::UdpPortSet>();
  for (const std::uint16_t udp_port : udp_ports) set->insert(udp_port);
  return {.vdevs = dpdk.vdevs,
          .pci_devices = dpdk.pci_devices,
          .cpus = {cpu},
          .hugepages = dpdk.hugepages,
          .memory_mb = dpdk.memory_mb,
          .queue_size = dpdk.queue_size,
          .addresses = {net::mapped(dpdk.address)},
          .udp_ports = std::move(set),
          .eal_arguments = dpdk.eal_arguments};
}

class Run final : public DpdkRun {
 public:
  Run(std::unique_ptr<net::DpdkRuntime> runtime, const net::DpdkClientConfig& config, bool sleeps)
      : runtime_(std::move(runtime)), port_(runtime_->take_port(0), config), sleeps_(sleeps) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() override { join(); }

  base::Result<void> find_server(std::uint64_t timeout_ns) {
    return port_.find_server(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds(timeout_ns)));
  }

  base::Result<void> launch(Crew& crew) override {
    return runtime_->launch(0, [this, &crew] { crew.work(0, port_, sleeps_); });
  }
  void join() noexcept override { runtime_->join(); }
  [[nodiscard]] std::vector<std::string> describe_devices() const override {
    return runtime_->describe_devices();
  }
  [[nodiscard]] const net::ClientPortCounters& counters() const noexcept override {
    return port_.counters();
  }

 private:
  const std::unique_ptr<net::DpdkRuntime> runtime_;  ///< outlives the port
  net::DpdkClientPort port_;
  const bool sleeps_;
};

}  // namespace

base::Result<std::unique_ptr<DpdkRun>> start_dpdk(const Settings& settings) {
  const DpdkSettings& dpdk = *settings.dpdk;
  // The last one by default: pssstd takes the first.
  const unsigned cpu =
      settings.cpus.empty() ? server::allowed_cpus().back() : settings.cpus.front();
  net::DpdkClientConfig config;
  for (std::uint16_t i = 0; i < kUdpPorts; ++i) {
    config.udp_ports.push_back(static_cast<std::uint16_t>(kFirstUdpPort + i));
  }
  static_cast<void>(::inet_pton(AF_INET, settings.host.c_str(), config.server.data()));
  config.server_udp_port = settings.udp_port;
  config.server_mac = dpdk.server_mac;
  auto runtime = net::DpdkRuntime::start(runtime_config(dpdk, cpu, config.udp_ports));
  if (!runtime) return tl::unexpected(std::move(runtime.error()));
  auto run = std::make_unique<Run>(std::move(*runtime), config, false);
  if (auto found = run->find_server(settings.connect_ns); !found) {
    found.error().where = settings.host;
    return tl::unexpected(std::move(found.error()));
  }
  return run;
}

}  // namespace pssst::tools::load

#else

namespace pssst::tools::load {

base::Result<std::unique_ptr<DpdkRun>> start_dpdk(const Settings&) {
  return base::fail("this pssst was built without DPDK", "--vdev, --pci",
                    "build it with meson setup -Ddpdk=enabled, or leave them out for sockets");
}

}  // namespace pssst::tools::load

#endif
