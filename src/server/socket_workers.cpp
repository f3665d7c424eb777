#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "net/socket_port.hpp"
#include "server/cpus.hpp"
#include "server/port_workers.hpp"
#include "server/worker_group.hpp"

namespace pssst::server {
namespace {

// A poll costs a system call per socket, and a wait ends when a datagram arrives: a short while of
// polling is enough. The wait's limit is how late a stop is noticed.
constexpr std::uint32_t kPollsBeforeWait = 4;
constexpr std::chrono::milliseconds kWaitMax{50};

bool host_has_ipv6() noexcept {
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  close(fd);
  return bound;
}

net::SocketPortConfig port_config(const Configuration& configuration) {
  net::SocketPortConfig config;
  config.slots += later_replies_of(configuration);
  config.addresses = configuration.socket.addresses;
  if (config.addresses.empty()) {
    config.addresses.emplace_back("0.0.0.0");
    if (host_has_ipv6()) config.addresses.emplace_back("::");
  }
  config.udp_ports = udp_ports_of(configuration);
  return config;
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

class SocketWorkers final : public WorkerGroup {
 public:
  SocketWorkers(const Configuration& configuration, const std::vector<unsigned>& cpus,
                Published<Snapshot>& snapshots, HandlerRuntime& handlers,
                const WorkerClients& clients)
      : config_(port_config(configuration)),
        open_(config_.udp_ports),
        workers_(cpus, snapshots, worker_settings(configuration, handlers, clients)) {}
  SocketWorkers(const SocketWorkers&) = delete;
  SocketWorkers& operator=(const SocketWorkers&) = delete;
  ~SocketWorkers() override { join(); }

  base::Result<void> start() {
    if (auto free = net::SocketPort::probe(config_); !free) return free;
    try {
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        threads_.emplace_back([this, i] { run(i); });
      }
    } catch (const std::system_error& error) {
      return base::fail(std::string("cannot start a thread: ") + error.what(), "worker",
                        "raise the limit of tasks (ulimit -u)");
    }
    return workers_.wait_started(threads_.size());
  }

  void stop() noexcept override { join(); }
  base::Result<void> open_udp_ports(std::span<const std::uint16_t> udp_ports) override {
    net::SocketPortConfig fresh = config_;
    fresh.udp_ports.clear();
    for (const std::uint16_t udp_port : udp_ports) {
      if (std::ranges::find(open_, udp_port) == open_.end()) fresh.udp_ports.push_back(udp_port);
    }
    if (fresh.udp_ports.empty()) return {};
    if (auto free = net::SocketPort::probe(fresh); !free) return free;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (auto opened = workers_.port(i).open_udp_ports(fresh.udp_ports); !opened) {
        static_cast<void>(close_udp_ports_except(std::vector(open_)));
        return opened;
      }
    }
    open_.insert(open_.end(), fresh.udp_ports.begin(), fresh.udp_ports.end());
    return {};
  }
  base::Result<void> close_udp_ports_except(std::span<const std::uint16_t> udp_ports) override {
    open_.assign(udp_ports.begin(), udp_ports.end());
    base::Result<void> result;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto closed = workers_.port(i).close_udp_ports_except(udp_ports);
      if (!closed) result = closed;
    }
    return result;
  }
  void clear_counters(const CounterSlots::Freed& freed) noexcept override {
    workers_.clear_counters(freed);
  }
  void refresh_counters() noexcept override {}
  [[nodiscard]] std::vector<WorkerSource> sources() const override { return workers_.sources(); }
  [[nodiscard]] std::string x25519_kernel() const override { return workers_.x25519_kernel(); }
  [[nodiscard]] std::string describe_port() const override {
    std::string text = "kernel sockets at ";
    for (const std::string& address : config_.addresses) {
      text += (&address == config_.addresses.data() ? "" : ", ") + address;
    }
    return text;
  }

 private:
  void run(std::size_t i) {
    workers_.run(i, [this, i]() -> base::Result<std::unique_ptr<net::SocketPort>> {
      if (auto pinned = pin_this_thread(workers_.cpu(i)); !pinned) {
        return tl::unexpected(pinned.error());
      }
      return net::SocketPort::create(config_);
    });
  }

  void join() noexcept {
    workers_.request_stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  const net::SocketPortConfig config_;
  std::vector<std::uint16_t> open_;  ///< UDP ports
  PortWorkers<net::SocketPort> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace

base::Result<std::unique_ptr<WorkerGroup>> start_socket_workers(const Configuration& configuration,
                                                                const std::vector<unsigned>& cpus,
                                                                Published<Snapshot>& snapshots,
                                                                HandlerRuntime& handlers,
                                                                const WorkerClients& clients) {
  auto group = std::make_unique<SocketWorkers>(configuration, cpus, snapshots, handlers, clients);
  if (auto started = group->start(); !started) return tl::unexpected(started.error());
  return group;
}

}  // namespace pssst::server
