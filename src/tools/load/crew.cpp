#include "tools/load/crew.hpp"

#include <algorithm>
#include <utility>

namespace pssst::tools::load {
namespace {

constexpr std::size_t kHostilePool = 4096;
// Memory of what is under way: 32 bytes each.
constexpr double kOutstandingMax = 1 << 22;

std::uint64_t ns(double seconds) noexcept {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

}  // namespace

Crew::Crew(const Settings& settings, std::vector<std::unique_ptr<Member>> members)
    : settings_(settings),
      members_(std::move(members)),
      in_step_(static_cast<std::ptrdiff_t>(members_.size()), NextStep{*this}) {}

PoolSettings Crew::pool_settings() const {
  const bool has_replays =
      settings_.hostile.weights[static_cast<std::size_t>(HostileKind::kReplay)] > 0;
  return {.size = good_requests() + (has_replays ? kReplays : 0),
          .message_sizes = settings_.sizes,
          .authenticated_share = settings_.authenticated_share,
          .expectation = settings_.expectation};
}

GeneratorSettings Crew::generator_settings(bool sleeps) const {
  const double under_way = settings_.is_open_loop()
                               ? settings_.rate / settings_.threads *
                                         static_cast<double>(settings_.timeout_ns) / 1e9 * 1.1 +
                                     1024
                               : static_cast<double>(settings_.window) + 1;
  return {.good = good_requests(),
          .expects_replies = settings_.expects_replies(),
          .fresh = settings_.fresh,
          .sleeps = sleeps,
          .verify_every = settings_.verify_every,
          .timeout_ns = settings_.timeout_ns,
          .outstanding_max = static_cast<std::size_t>(std::min(under_way, kOutstandingMax))};
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): reads the settings
std::unique_ptr<HostilePool> Crew::make_hostile(Member& own, const RequestPool& pool) {
  if (own.hostile_maker == nullptr) return nullptr;
  std::vector<std::vector<std::uint8_t>> replays;
  for (std::size_t i = good_requests(); i < pool.size(); ++i) {
    const std::span datagram = pool.datagram(i);
    replays.emplace_back(datagram.begin(), datagram.end());
  }
  return std::make_unique<HostilePool>(*own.hostile_maker, settings_.hostile.weights,
                                       settings_.sizes, kHostilePool, replays);
}

Phase Crew::phase_of(std::size_t index) const noexcept {
  const double threads = settings_.threads;
  Phase phase;
  phase.rate = settings_.rate / threads;
  phase.window = std::max<std::size_t>(1, settings_.window / settings_.threads);
  phase.start_ns = step_start_ns_;
  // Threads take turns.
  if (settings_.is_open_loop()) {
    phase.start_ns += ns(static_cast<double>(index) / settings_.rate);
  }
  phase.hostile_per_good = settings_.hostile.per_good;
  phase.hostile_rate = settings_.hostile.rate / threads;
  return phase;
}

Phase Crew::warmup_phase(std::size_t index) const noexcept {
  Phase phase = phase_of(index);
  phase.duration_ns = ns(settings_.warmup_s);
  return phase;
}

Phase Crew::measured_phase(std::size_t index) const noexcept {
  Phase phase = phase_of(index);
  phase.is_measured = true;
  if (settings_.duration_s > 0) phase.duration_ns = ns(settings_.duration_s);
  if (settings_.count > 0) {
    phase.count =
        settings_.count / settings_.threads + (index < settings_.count % settings_.threads ? 1 : 0);
  }
  return phase;
}

bool Crew::all_reached() const noexcept {
  return std::ranges::all_of(members_, [](const auto& member) { return member->is_reached; });
}

}  // namespace pssst::tools::load
