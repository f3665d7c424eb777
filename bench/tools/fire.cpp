#include "tools/fire.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/assert.hpp"
#include "net/frame_bytes.hpp"
#include "server/ceiling.hpp"
#include "server/replay_worker.hpp"
#include "timing/quiet_clock.hpp"
#include "tools/load/hostile.hpp"

namespace pssst::bench {
namespace {

using server::Protection;
using tools::load::HostileKind;
using tools::load::HostileMaker;

constexpr std::size_t kMessageSize = 64;
constexpr std::size_t kWindow = 512;
constexpr std::size_t kFrames = 1024;
constexpr std::size_t kDistinct =
    64;  // datagrams: what is in them does not matter beyond their kind
constexpr std::size_t kIpSourceOffset = 26;  // in the frame

struct Attack {
  const char* what;
  HostileKind kind;
  bool from_one_prefix;  ///< or from as many as there are frames
  DropReason reason;     ///< of nearly all
};

constexpr Attack kAttacks[] = {
    {"small order", HostileKind::kSmallOrder, false, DropReason::kDhSmallOrder},
    {"not canonical", HostileKind::kNotCanonical, false, DropReason::kDhNotCanonical},
    {"too short", HostileKind::kTruncated, false, DropReason::kTooShortForSuite},
    {"wrong suite or flags", HostileKind::kHeader, false, DropReason::kReservedFlags},
    {"junk from a prefix over its rate", HostileKind::kJunk, true, DropReason::kSourceRate},
};

/// One /24, which is over its rate at once and stays it.
Protection strict() {
  Protection protection;
  protection.rates.ipv4_24 = {.rate = 1, .burst = 64};
  return protection;
}

std::vector<std::vector<std::uint8_t>> make_frames(const Population& population,
                                                   const Attack& attack) {
  auto maker = HostileMaker::create(population.server_key().public_key());
  PSSST_ASSERT(maker.has_value());
  std::vector<std::vector<std::uint8_t>> datagrams;
  for (std::size_t i = 0; i < kDistinct; ++i) {
    datagrams.push_back((*maker)->make(attack.kind, kMessageSize));
  }
  std::vector<std::vector<std::uint8_t>> frames;
  for (std::size_t i = 0; i < kFrames; ++i) {
    std::vector<std::uint8_t> frame = net::test::make_request_frame(datagrams[i % kDistinct]);
    // An odd factor: every frame has a /24 of its own, far from its neighbour's.
    const std::size_t prefix = attack.from_one_prefix ? 0 : i * 40503;
    frame[kIpSourceOffset] = 11;
    frame[kIpSourceOffset + 1] = static_cast<std::uint8_t>(prefix >> 8);
    frame[kIpSourceOffset + 2] = static_cast<std::uint8_t>(prefix);
    frame[kIpSourceOffset + 3] = static_cast<std::uint8_t>(i);
    net::test::fix_ip_checksum(frame);
    net::test::fix_udp_checksum(frame);
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// A worker that gets nothing but one kind of datagram.
class AttackedWorker {
 public:
  AttackedWorker(const Population& population, const Attack& attack, const std::string& kernel)
      : reason_(attack.reason),
        port_(make_frames(population, attack), net::test::our_filter(), kWindow),
        snapshots_(population.make_snapshot(attack.from_one_prefix ? strict() : Protection{}), 1) {
    server::WorkerSettings settings;
    settings.x25519_kernel = kernel;
    auto worker = server::Worker<ReplayPort>::create(port_, snapshots_, settings);
    PSSST_ASSERT(worker.has_value());
    worker_ = std::move(*worker);
    // What is queued before the prefix is over its rate is multiplied.
    while (worker_->counters().pending.read() > 0 || port_.counters().datagrams.read() == 0) poll();
    const std::uint64_t before = worker_->counters().drops.read(reason_);
    poll();
    PSSST_ASSERT(worker_->counters().drops.read(reason_) > before);
  }

  void poll() { worker_->poll_once(); }
  /// Datagrams that a poll drops.
  static constexpr std::size_t kPerPoll = server::kReceiveBatch * server::kReceivePassesMax;

 private:
  DropReason reason_;
  ReplayPort port_;
  server::Published<server::Snapshot> snapshots_;
  std::unique_ptr<server::Worker<ReplayPort>> worker_;
};

Guard everything() {
  Guard guard;
  // Short: the requests come again and again, and a replay renews no source.
  guard.memory.replay_window = std::chrono::seconds(1);
  return guard;
}

Guard nothing() {
  Guard guard;
  guard.protection.limit = server::LimitMode::kOff;
  guard.memory = {.known_sources = 0, .charged_sources = 0};
  return guard;
}

/// By themselves: among workers with frames of their own, each would begin its windows with nothing
/// in the caches, and the one that remembers more would look slow.
FireFigures measure_protections(const Population& population, const std::string& kernel_name,
                                const WindowSettings& settings) {
  const Load load{.message_size = kMessageSize};
  ReplayWorker guarded(population, load, kernel_name, everything());
  ReplayWorker open(population, load, kernel_name, nothing());
  const std::vector<Contender> contenders{
      {.call = [&] { guarded.answer_burst(); }, .operations = guarded.burst_limit()},
      {.call = [&] { open.answer_burst(); }, .operations = open.burst_limit()}};
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(contenders, settings, clock);
  return {.multiply = {}, .with_protections = figures[0], .without = figures[1], .drops = {}};
}

void measure_drops(const Population& population, const std::string& kernel_name,
                   const crypto::X25519Kernel& kernel, const WindowSettings& settings,
                   FireFigures& result) {
  Ceiling ceiling(population, kernel);
  std::vector<Contender> contenders{
      {.call = [&] { ceiling.multiply_burst(); }, .operations = kernel.burst_limit}};
  std::vector<std::unique_ptr<AttackedWorker>> attacked;
  for (const Attack& attack : kAttacks) {
    attacked.push_back(std::make_unique<AttackedWorker>(population, attack, kernel_name));
    contenders.push_back({.call = [worker = attacked.back().get()] { worker->poll(); },
                          .operations = AttackedWorker::kPerPoll});
  }
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(contenders, settings, clock);
  result.multiply = figures.front();
  for (std::size_t i = 0; i < std::size(kAttacks); ++i) {
    result.drops.push_back({.what = kAttacks[i].what, .figures = figures[i + 1]});
  }
}

}  // namespace

FireFigures measure_fire(std::size_t clients, const std::string& kernel_name,
                         const crypto::X25519Kernel& kernel, const WindowSettings& settings) {
  const Population population(clients);
  FireFigures result = measure_protections(population, kernel_name, settings);
  measure_drops(population, kernel_name, kernel, settings, result);
  return result;
}

}  // namespace pssst::bench
