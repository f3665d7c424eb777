#include "server/ways.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/assert.hpp"
#include "base/tsc.hpp"
#include "net/frame_bytes.hpp"
#include "server/config/service.hpp"
#include "server/cpus.hpp"
#include "server/echo_backend.hpp"
#include "server/handler/handler_factory.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/replay_worker.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {
namespace {

using server::HandlerRuntime;
using server::ServiceSettings;

constexpr Load kLoad{.authenticated = false, .message_size = 64};
constexpr std::uint16_t kEchoPort = net::test::kOurUdpPort;
constexpr std::uint16_t kOtherPort = kEchoPort + 1;
constexpr std::size_t kUdpPortOffset = 36;  // in the frame
/// Awaited at once. A worker alone has no more requests outstanding, so that none of them is
/// refused; one with a neighbour has as many more, or those that a stalled backend holds would be
/// all that there are.
constexpr std::size_t kInFlight = 4 * kBurstLanesMax;
constexpr std::size_t kWindowAlone = kInFlight;
constexpr std::size_t kWindowBeside = 2 * kInFlight;
/// Longer than a window, and short enough to be over before it.
constexpr std::chrono::milliseconds kPatient{60'000};
constexpr std::chrono::milliseconds kImpatient{20};
/// What comes before a window: sources become known, and a backend that is to be given up is.
constexpr double kWarmUpMs = 40;
constexpr double kVerifySeconds = 20;

template <class T>
T unwrap(base::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return std::move(*result);
}

ServiceSettings service_of(std::string handler) {
  ServiceSettings settings;
  settings.name = "bench";
  settings.handler = std::move(handler);
  return settings;
}

ServiceSettings library(std::string path, bool answers_later) {
  ServiceSettings settings = service_of("library");
  if (answers_later) {
    settings.options.deadline = kPatient;
    settings.options.in_flight = kInFlight;
  }
  settings.options.library = std::move(path);
  return settings;
}

ServiceSettings forward(const EchoBackend& backend, std::chrono::milliseconds deadline = kPatient) {
  ServiceSettings settings = service_of("forward");
  settings.options.backends.push_back(backend.path());
  settings.options.deadline = deadline;
  settings.options.in_flight = kInFlight;
  return settings;
}

/// A population, and who handles its messages at which UDP port.
struct Part {
  const Population& population;
  ServiceSettings settings;
  std::uint16_t udp_port = kEchoPort;
};

net::FrameFilter filter() {
  net::FrameFilter made = net::test::our_filter();
  auto udp_ports = std::make_shared<net::UdpPortSet>();
  udp_ports->insert(kEchoPort);
  udp_ports->insert(kOtherPort);
  made.udp_ports = std::move(udp_ports);
  return made;
}

/// What the parts are sent, request by request in turns.
struct Traffic {
  explicit Traffic(const std::vector<Part>& parts) {
    std::vector<Requests> made;
    made.reserve(parts.size());
    for (const Part& part : parts) made.push_back(part.population.make_requests(kLoad));
    for (std::size_t i = 0; i < parts.front().population.size(); ++i) {
      for (std::size_t part = 0; part < parts.size(); ++part) {
        std::vector<std::uint8_t>& frame = made[part].frames[i];
        frame[kUdpPortOffset] = static_cast<std::uint8_t>(parts[part].udp_port >> 8);
        frame[kUdpPortOffset + 1] = static_cast<std::uint8_t>(parts[part].udp_port & 0xff);
        net::test::fix_udp_checksum(frame);
        frames.push_back(std::move(frame));
      }
    }
    pending = std::move(made.front().pending);
  }

  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<PendingRequest> pending;  ///< of the first part
};

/// Ticks that a window took, of a clock that stands still while another process has the CPU.
using Ticks = double (*)();

/// The CPU time of all threads: the clock where they share the worker's CPU.
double process_ticks() {
  timespec time{};
  static_cast<void>(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
  return (static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9) *
         static_cast<double>(base::tsc_hz());
}

struct Window {
  double seconds = 0;
  double rate = 0;  ///< the first part's replies a second
  std::uint64_t offered = 0;
  std::uint64_t taken = 0;
  std::uint64_t replied = 0;
};

/// A worker at full load. Made for each window: what another one's handlers and backends do about
/// requests that are left over is in no window.
class WayWorker {
 public:
  WayWorker(const std::vector<Part>& parts, const Traffic& traffic, std::size_t window,
            const WaySettings& settings)
      : runtime_({settings.cpu}, kInFlight),
        port_(traffic.frames, filter(), window, kInFlight),
        snapshots_(make_snapshot(parts, runtime_), 1) {
    server::WorkerSettings worker;
    worker.x25519_kernel = settings.kernel;
    worker.handlers = &runtime_;
    worker_ = unwrap(server::Worker<ReplayPort>::create(port_, snapshots_, worker));
  }

  Window measure(double window_ms, Ticks ticks) {
    poll_for(kWarmUpMs, ticks);
    const std::uint64_t replied = of_part(0).replied.read();
    const std::uint64_t offered = of_part(1).requests.read();
    const std::uint64_t replied_others = of_part(1).replied.read();
    const std::uint64_t taken = worker_->counters().later.asked.read();
    Window window;
    window.seconds = poll_for(window_ms, ticks);
    window.rate = static_cast<double>(of_part(0).replied.read() - replied) / window.seconds;
    window.offered = of_part(1).requests.read() - offered;
    window.taken = worker_->counters().later.asked.read() - taken;
    window.replied = of_part(1).replied.read() - replied_others;
    return window;
  }

  /// Opens one reply to each request of the first part.
  void verify(const std::vector<Part>& parts, std::vector<PendingRequest>& pending) {
    const auto patience =
        static_cast<std::uint64_t>(kVerifySeconds * static_cast<double>(base::tsc_hz()));
    const std::uint64_t begin = base::read_tsc();
    for (std::size_t verified = 0; verified < pending.size();) {
      if (base::read_tsc() - begin > patience) throw std::runtime_error("too few replies came");
      const std::uint64_t before = port_.sent_count();
      worker_->poll_once();
      const std::uint64_t sent =
          std::min<std::uint64_t>(port_.sent_count() - before, ReplayPort::kRepliesKept);
      for (std::size_t age = 0; age < sent; ++age) {
        const ReplayPort::Answer answer = port_.sent(age);
        const std::size_t client = answer.frame / parts.size();
        if (answer.frame % parts.size() != 0 || !pending[client].pending()) continue;
        PSSST_ASSERT(
            parts.front().population.is_answer(kLoad, client, answer.datagram, pending[client]));
        ++verified;
      }
    }
  }

 private:
  static std::unique_ptr<const server::Snapshot> make_snapshot(const std::vector<Part>& parts,
                                                               HandlerRuntime& runtime) {
    std::vector<server::Service> services;
    for (const Part& part : parts) {
      services.push_back(part.population.make_service(
          unwrap(server::make_service_handler(part.settings, &runtime))));
      services.back().name = std::to_string(services.size());
      services.back().udp_port = part.udp_port;
      services.back().index = services.size() - 1;
    }
    return unwrap(server::Snapshot::create(std::move(services), {}, nullptr, {}));
  }

  /// The seconds that it took by that clock.
  double poll_for(double ms, Ticks ticks) {
    const auto hz = static_cast<double>(base::tsc_hz());
    const auto length = static_cast<std::uint64_t>(ms * hz / 1000);
    const double begin = ticks();
    const std::uint64_t begin_tsc = base::read_tsc();
    while (base::read_tsc() - begin_tsc < length) worker_->poll_once();
    return (ticks() - begin) / hz;
  }

  [[nodiscard]] const telemetry::ServiceCounters& of_part(std::size_t part) const {
    return std::as_const(*worker_).counters().services()[part];
  }

  HandlerRuntime runtime_;  ///< outlives its handlers' snapshot and worker
  ReplayPort port_;
  server::Published<server::Snapshot> snapshots_;
  std::unique_ptr<server::Worker<ReplayPort>> worker_;
};

double ratio(const std::vector<Window>& windows, const std::vector<Window>& others) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    ratios.push_back(windows[i].rate / others[i].rate);
  }
  return median(std::move(ratios));
}

std::vector<double> rates_of(const std::vector<Window>& windows) {
  std::vector<double> rates;
  rates.reserve(windows.size());
  for (const Window& window : windows) rates.push_back(window.rate);
  return rates;
}

/// Where the calling thread, and threads that it starts, may run.
class Cpus {
 public:
  explicit Cpus(unsigned worker) : worker_(worker), all_(server::allowed_cpus()), others_(all_) {
    std::erase(others_, worker);
  }
  ~Cpus() { all(); }
  Cpus(const Cpus&) = delete;
  Cpus& operator=(const Cpus&) = delete;
  void only_worker() const { PSSST_ASSERT(pin_to_cpu(worker_)); }
  /// As pssstd starts: its handlers' threads keep off the worker's.
  void all() const { static_cast<void>(server::allow_this_thread(all_)); }
  /// Those that are not the worker's, if there are any.
  void others() const {
    if (has_others()) static_cast<void>(server::allow_this_thread(others_));
  }
  [[nodiscard]] bool has_others() const { return !others_.empty(); }

 private:
  unsigned worker_;
  std::vector<unsigned> all_;
  std::vector<unsigned> others_;
};

/// Windows in turns, by contender: `parts` are each one's.
std::vector<std::vector<Window>> measure_in_turns(const std::vector<std::vector<Part>>& contenders,
                                                  std::size_t outstanding, bool shares_cpu,
                                                  const Cpus& cpus, const WaySettings& settings) {
  std::vector<Traffic> traffic(contenders.begin(), contenders.end());
  const Ticks ticks = shares_cpu ? process_ticks : thread_ticks;
  std::vector<std::vector<Window>> windows(contenders.size());
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
      const std::size_t i = (round + turn) % contenders.size();
      shares_cpu ? cpus.only_worker() : cpus.all();
      WayWorker worker(contenders[i], traffic[i], outstanding, settings);
      cpus.only_worker();
      if (round == 0) {
        worker.verify(contenders[i], traffic[i].pending);
      }
      windows[i].push_back(worker.measure(settings.window_ms, ticks));
    }
  }
  return windows;
}

std::vector<Way> measure_alone(const Population& population, const Cpus& cpus,
                               const WaySettings& settings) {
  cpus.others();
  const EchoBackend backend(BackendState::kAnswering);
  std::vector<Way> ways{{"built in"}, {"library, at once"}, {"library, later"}, {"forward"}};
  const std::vector<std::vector<Part>> contenders{
      {{population, service_of("echo")}},
      {{population, library(settings.libraries + "/echo_at_once.so", false)}},
      {{population, library(settings.libraries + "/echo_later.so", true)}},
      {{population, forward(backend)}}};
  const auto windows =
      measure_in_turns(contenders, kWindowAlone, !cpus.has_others(), cpus, settings);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    ways[i].rates = rates_of(windows[i]);
    ways[i].of_echo = ratio(windows[i], windows[0]);
  }
  return ways;
}

/// With the threads of handlers and backends on the worker's CPU, or on others.
std::vector<Neighbour> measure_neighbours(const Population& population, const Population& others,
                                          bool shares_cpu, const Cpus& cpus,
                                          const WaySettings& settings) {
  shares_cpu ? cpus.only_worker() : cpus.others();
  const EchoBackend answering(BackendState::kAnswering);
  const EchoBackend stalled(BackendState::kStalled);
  std::vector<Neighbour> neighbours{{.name = "discard"},
                                    {.name = "forward, answering"},
                                    {.name = "forward, stalled, awaited"},
                                    {.name = "forward, stalled, given up"}};
  std::vector<std::vector<Part>> contenders;
  for (const ServiceSettings& service : {service_of("discard"), forward(answering),
                                         forward(stalled), forward(stalled, kImpatient)}) {
    contenders.push_back({{population, service_of("echo")}, {others, service, kOtherPort}});
  }
  const auto windows = measure_in_turns(contenders, kWindowBeside, shares_cpu, cpus, settings);
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    Neighbour& neighbour = neighbours[i];
    neighbour.shares_cpu = shares_cpu;
    neighbour.rates = rates_of(windows[i]);
    neighbour.of_undisturbed = ratio(windows[i], windows[0]);
    for (const Window& window : windows[i]) {
      neighbour.seconds += window.seconds;
      neighbour.offered += window.offered;
      neighbour.taken += window.taken;
      neighbour.replied += window.replied;
    }
  }
  return neighbours;
}

}  // namespace

WayFigures measure_ways(const WaySettings& settings) {
  const Cpus cpus(settings.cpu);
  const Population population(settings.clients, kSuiteF002);
  const Population others(settings.clients, kSuiteF002);
  WayFigures figures;
  figures.ways = measure_alone(population, cpus, settings);
  for (const bool shares_cpu : {false, true}) {
    if (!shares_cpu && !cpus.has_others()) continue;
    const auto measured = measure_neighbours(population, others, shares_cpu, cpus, settings);
    figures.neighbours.insert(figures.neighbours.end(), measured.begin(), measured.end());
  }
  return figures;
}

}  // namespace pssst::bench
