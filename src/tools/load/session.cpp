#include "tools/load/session.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>
#include <utility>

#include "base/cpu_features.hpp"
#include "client/endpoint.hpp"
#include "net/socket_client_port.hpp"
#include "server/cpus.hpp"
#include "tools/load/crew.hpp"
#include "tools/load/dpdk_run.hpp"
#include "tools/load/live_line.hpp"
#include "tools/stream.hpp"

namespace pssst::tools::load {
namespace {

// Before any thread is made: they inherit it, and watch() takes the signals.
sigset_t block_signals() noexcept {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Waits until the crew has finished; stops it on a signal; shows the live line.
void watch(Crew& crew, const sigset_t& signals, bool is_live) {
  constexpr timespec kTick{.tv_sec = 0, .tv_nsec = 10'000'000};
  constexpr std::uint64_t kLineNs = 1'000'000'000;
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  const std::string begin = is_terminal ? "\r\033[K" : "";
  const std::string end = is_terminal ? "" : "\n";
  LiveLine line(crew);
  std::uint64_t next_line_ns = monotonic_ns() + kLineNs;
  while (!crew.is_finished()) {
    if (::sigtimedwait(&signals, nullptr, &kTick) > 0) crew.stop();
    if (!is_live || monotonic_ns() < next_line_ns) continue;
    next_line_ns += kLineNs;
    std::string text = begin;
    text += line.next();
    text += end;
    static_cast<void>(write_all(STDERR_FILENO, text));
  }
  if (is_live) static_cast<void>(write_all(STDERR_FILENO, begin));
}

base::Result<std::vector<std::unique_ptr<Member>>> make_members(
    const Settings& settings, const PublicKey& server, const std::vector<PrivateKey>& clients) {
  std::vector<std::unique_ptr<Member>> members;
  for (unsigned i = 0; i < settings.threads; ++i) {
    auto member = std::make_unique<Member>();
    auto maker = protocol::RequestMaker::create(server, settings.x25519_kernel);
    if (!maker) return tl::unexpected(std::move(maker.error()));
    for (const PrivateKey& client : clients) {
      auto added = (*maker)->add_client(client);
      if (!added) return tl::unexpected(std::move(added.error()));
    }
    member->maker = *std::move(maker);
    if (settings.hostile.is_on()) {
      auto hostile = HostileMaker::create(server);
      if (!hostile) return tl::unexpected(std::move(hostile.error()));
      member->hostile_maker = *std::move(hostile);
    }
    if (!settings.hostile.source_prefix.empty()) {
      const auto prefix = SourcePrefix::parse(settings.hostile.source_prefix);
      if (!prefix) return tl::unexpected(prefix.error());
      member->sources = *prefix;
    }
    members.push_back(std::move(member));
  }
  return members;
}

base::Result<net::Endpoint> find_endpoint(const Settings& settings) {
  auto family = client::AddressFamily::kAny;
  if (settings.ipv4) family = client::AddressFamily::kIpv4;
  if (settings.ipv6) family = client::AddressFamily::kIpv6;
  const auto found = client::resolve(settings.host, settings.udp_port, family);
  if (!found) return tl::unexpected(found.error());
  const client::Endpoint& first = found->front();
  net::Endpoint endpoint;
  std::memcpy(&endpoint.address, &first.address,
              std::min<std::size_t>(sizeof endpoint.address, first.size));
  endpoint.address_size = first.size;
  endpoint.udp_port = settings.udp_port;
  endpoint.name = first.to_string();
  return endpoint;
}

void add_port_counters(const net::ClientPortCounters& counters, LoadReport& report) noexcept {
  report.unreachable += counters.unreachable.read();
  report.send_errors += counters.send_errors.read();
  report.frames_ignored += counters.frames_ignored.read();
}

void fill_report(const Settings& settings, const Crew& crew, LoadReport& report) {
  std::uint64_t start_ns = UINT64_MAX;
  std::uint64_t end_ns = 0;
  std::uint64_t last_answer_ns = 0;
  report.is_reached = true;
  for (const auto& member : crew.members()) {
    report.is_reached = report.is_reached && member->is_reached;
    report.made_s = std::max(report.made_s, member->made_s);
    report.warmup += member->warmup;
    report.send_delay += member->results.send_delay.snapshot();
    start_ns = std::min(start_ns, member->start_ns);
    end_ns = std::max(end_ns, member->end_ns);
    last_answer_ns = std::max(last_answer_ns, member->results.last_answer_ns.read());
  }
  report.x25519_kernel = crew.members().front()->maker->x25519_kernel();
  report.cpu = base::cpu_name();
  report.client_count = crew.members().front()->maker->client_count();
  report.measured = total_counters(crew);
  report.measured -= report.warmup;
  report.latency = total_latency(crew);
  if (end_ns > start_ns) report.sending_s = static_cast<double>(end_ns - start_ns) / 1e9;
  if (last_answer_ns > start_ns) {
    report.answering_s = static_cast<double>(last_answer_ns - start_ns) / 1e9;
  }
  if (!settings.expects_replies()) report.answering_s = report.sending_s;
}

base::Result<LoadReport> run_on_sockets(const Settings& settings, Crew& crew,
                                        const sigset_t& signals, bool is_live) {
  const auto endpoint = find_endpoint(settings);
  if (!endpoint) return tl::unexpected(endpoint.error());
  std::vector<std::unique_ptr<net::SocketClientPort>> ports;
  for (unsigned i = 0; i < settings.threads; ++i) {
    auto port =
        net::SocketClientPort::open({.server = *endpoint,
                                     .sockets = settings.sockets,
                                     .foreign_sources = !settings.hostile.source_prefix.empty()});
    if (!port) return tl::unexpected(std::move(port.error()));
    ports.push_back(*std::move(port));
  }
  if (!settings.cpus.empty()) {
    // Refused before threads are made: one that is missing would keep the others waiting.
    if (auto chosen = server::choose_cpus(settings.cpus); !chosen) {
      return tl::unexpected(chosen.error());
    }
  }
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < settings.threads; ++i) {
    threads.emplace_back([&crew, &settings, i, &port = *ports[i]] {
      if (!settings.cpus.empty()) {
        static_cast<void>(server::pin_this_thread(settings.cpus[i]));
      }
      crew.work(i, port, !settings.spin);
    });
  }
  watch(crew, signals, is_live);
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  report.target = endpoint->name;
  for (const auto& port : ports) add_port_counters(port->counters(), report);
  return report;
}

base::Result<LoadReport> run_on_dpdk(const Settings& settings, Crew& crew, const sigset_t& signals,
                                     bool is_live) {
  auto run = start_dpdk(settings);
  if (!run) return tl::unexpected(std::move(run.error()));
  LoadReport report;
  report.target = settings.host + ":" + std::to_string(settings.udp_port);
  report.devices = (*run)->describe_devices();
  if (auto launched = (*run)->launch(crew); !launched) {
    return tl::unexpected(std::move(launched.error()));
  }
  watch(crew, signals, is_live);
  (*run)->join();
  add_port_counters((*run)->counters(), report);
  return report;
}

}  // namespace

base::Result<LoadReport> run_load(const Settings& settings, const PublicKey& server,
                                  const std::vector<PrivateKey>& clients, bool is_live) {
  const sigset_t signals = block_signals();
  auto members = make_members(settings, server, clients);
  if (!members) return tl::unexpected(std::move(members.error()));
  Crew crew(settings, *std::move(members));
  auto report = settings.dpdk ? run_on_dpdk(settings, crew, signals, is_live)
                              : run_on_sockets(settings, crew, signals, is_live);
  if (report) fill_report(settings, crew, *report);
  return report;
}

}  // namespace pssst::tools::load
