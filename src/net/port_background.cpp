#include "net/port_background.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/tsc.hpp"
#include "net/frame_announcement.hpp"

namespace pssst::net {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kLinkIntervalNs = kSecondNs / 4;
// RFC 5227 wants two ARP announcements, RFC 4861 at most three advertisements, a second apart.
constexpr unsigned kAnnouncementRounds = 3;
constexpr std::uint64_t kAnnouncementIntervalNs = kSecondNs;
constexpr std::uint64_t kGroupsIntervalNs = 60 * kSecondNs;
// Of one ring or tap in one round: none keeps the others waiting.
constexpr unsigned kFramesPerRound = 64;
// What waits in a ring rings no bell. With a tap, this is latency for the kernel's peers.
constexpr int kTapIntervalMs = 1;
constexpr std::chrono::milliseconds kInterval{50};

std::uint64_t monotonic_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// Of the clock on the wall, when the TSC stood there; now, if another CPU's is ahead of ours.
std::uint64_t wall_ns(std::uint64_t tsc) noexcept {
  const auto now = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  const std::uint64_t ticks = base::read_tsc();
  const std::uint64_t ago = ticks > tsc ? ticks - tsc : 0;
  return now - static_cast<std::uint64_t>(static_cast<double>(ago) * 1e9 /
                                          static_cast<double>(base::tsc_hz()));
}

/// fe80::/10
bool is_link_local(const IpAddress& address) noexcept {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

std::string describe(const std::string& device, const LinkState& link) {
  std::string text = device + ": link " + (link.is_up ? "up" : "down");
  if (link.is_up && !link.speed.empty()) text += ", " + link.speed;
  return text;
}

}  // namespace

PortBackground::PortBackground(Config config)
    : config_(std::move(config)),
      links_(config_.devices.size()),
      announcing_(config_.devices.size()),
      frame_(FrameRing::kFrameRoom + 1) {
  run_once(monotonic_ns());
}

PortBackground::~PortBackground() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  while (write_captured()) {
  }
}

void PortBackground::start(std::vector<unsigned> cpus) {
  thread_ = std::thread([this, cpus = std::move(cpus)] {
    pthread_setname_np(pthread_self(), "pssst-net");
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
    if (!cpus.empty()) pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    run();
  });
}

void PortBackground::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
    }
    wait(run_once(monotonic_ns()));
  }
}

void PortBackground::wait(bool was_busy) {
  if (was_busy) return;
  std::vector<pollfd> taps;
  for (const Device& device : config_.devices) {
    if (device.tap) taps.push_back({.fd = device.tap->fd(), .events = POLLIN, .revents = 0});
  }
  if (!taps.empty()) {
    if (::poll(taps.data(), taps.size(), kTapIntervalMs) > 0) give_up_taps(taps);
    return;
  }
  std::unique_lock lock(mutex_);
  stop_changed_.wait_for(lock, kInterval, [this] { return stop_; });
}

// An error is at once there, and for ever: it would keep the thread from waiting.
void PortBackground::give_up_taps(std::span<const pollfd> polled) {
  for (const pollfd& tap : polled) {
    if ((tap.revents & POLLERR) == 0) continue;
    const auto device = std::ranges::find_if(config_.devices, [&tap](const Device& candidate) {
      return candidate.tap && candidate.tap->fd() == tap.fd;
    });
    if (device == config_.devices.end()) continue;
    if (config_.notify) {
      config_.notify(device->name + ": the interface " + device->tap->name() +
                     " was deleted: nothing goes to the kernel any more");
    }
    device->tap.reset();
  }
}

bool PortBackground::run_once(std::uint64_t now_ns) {
  if (now_ns >= next_link_poll_ns_) {
    next_link_poll_ns_ = now_ns + kLinkIntervalNs;
    poll_links(now_ns);
  }
  for (std::size_t i = 0; i < config_.devices.size(); ++i) announce(i, now_ns);
  const bool carried_in = carry_to_kernel();
  const bool carried_out = carry_from_kernel();
  const bool wrote = write_captured();
  return carried_in || carried_out || wrote;
}

void PortBackground::poll_links(std::uint64_t now_ns) {
  for (std::size_t i = 0; i < config_.devices.size(); ++i) {
    Device& device = config_.devices[i];
    LinkState link = device.read_link();
    if (links_[i] == link) continue;
    const bool is_first = !links_[i].has_value();
    const bool came_up = link.is_up && (is_first || !links_[i]->is_up);
    if (!is_first && config_.notify) config_.notify(describe(device.name, link));
    if (device.tap) device.tap->set_carrier(link.is_up);
    if (came_up) {
      announcing_[i] = {.is_on = true, .rounds_left = kAnnouncementRounds, .next_ns = now_ns};
    } else if (!link.is_up) {
      announcing_[i] = {};
    }
    links_[i] = std::move(link);
  }
}

/// The next frame of the round, in frame_; 0: there is none for this place.
std::size_t PortBackground::make_next(const Device& device, const Announcing& announcing) {
  const std::size_t pair = announcing.next / 2;
  const IpAddress& address = config_.announced[pair / config_.vlans.size()];
  const std::uint16_t vlan = config_.vlans[pair % config_.vlans.size()];
  const bool is_report = announcing.next % 2 == 0;
  const bool is_reminder = announcing.rounds_left == 0;
  if (!is_report) return is_reminder ? 0 : make_announcement(frame_, device.mac, address, vlan);
  if (is_mapped(address)) return 0;
  const auto link_local = std::ranges::find_if(config_.announced, is_link_local);
  return make_group_report(
      frame_, device.mac, address,
      link_local == config_.announced.end() ? std::nullopt : std::optional(*link_local), vlan,
      is_reminder ? GroupReport::kListening : GroupReport::kJoined);
}

// As many as the ring takes now; the rest of a round is for the next time.
void PortBackground::announce(std::size_t index, std::uint64_t now_ns) {
  Announcing& announcing = announcing_[index];
  const Device& device = config_.devices[index];
  std::optional<FrameRing>& outgoing = config_.workers[device.sender].rings->outgoing;
  const std::size_t count = 2 * config_.announced.size() * config_.vlans.size();
  if (!announcing.is_on || now_ns < announcing.next_ns || !outgoing) return;
  for (; announcing.next < count; ++announcing.next) {
    const std::size_t size = make_next(device, announcing);
    if (size == 0) continue;
    if (!outgoing->push(std::span(frame_).first(size), {.device = device.id})) return;
  }
  announcing.next = 0;
  if (announcing.rounds_left > 0) --announcing.rounds_left;
  announcing.next_ns =
      now_ns + (announcing.rounds_left > 0 ? kAnnouncementIntervalNs : kGroupsIntervalNs);
}

TapDevice* PortBackground::tap_of(std::uint16_t device_id) {
  const auto device = std::ranges::find(config_.devices, device_id, &Device::id);
  return device == config_.devices.end() || !device->tap ? nullptr : &*device->tap;
}

bool PortBackground::carry_to_kernel() {
  bool any = false;
  for (const Worker& worker : config_.workers) {
    std::optional<FrameRing>& ring = worker.rings->to_kernel;
    for (unsigned i = 0; ring && !ring->empty() && i < kFramesPerRound; ++i) {
      const FrameRing::Entry entry = ring->front();
      TapDevice* tap = tap_of(entry.note.device);
      if (tap == nullptr || !tap->write(entry.frame)) worker.counters->kernel_lost.add(1);
      ring->pop();
      any = true;
    }
  }
  return any;
}

bool PortBackground::carry_from_kernel() {
  bool any = false;
  for (Device& device : config_.devices) {
    const Worker& worker = config_.workers[device.sender];
    for (unsigned i = 0; device.tap && i < kFramesPerRound; ++i) {
      const std::size_t size = device.tap->read(frame_);
      if (size == 0) break;
      any = true;
      // Whoever raised the tap's MTU: a frame that was cut is no frame.
      const bool taken = size <= FrameRing::kFrameRoom &&
                         worker.rings->outgoing->push(std::span(frame_).first(size),
                                                      {.device = device.id, .is_of_kernel = true});
      if (!taken) worker.counters->kernel_lost.add(1);
    }
  }
  return any;
}

// Told once: a file that was given up takes no frame from then on.
bool PortBackground::write_captured() {
  bool any = false;
  for (const Worker& worker : config_.workers) {
    std::optional<DropCapture>& capture = worker.rings->capture;
    std::uint64_t added = 0;
    for (unsigned i = 0; capture && !capture->ring().empty() && i < kFramesPerRound; ++i) {
      const FrameRing::Entry entry = capture->ring().front();
      if (config_.capture &&
          config_.capture->add(wall_ns(entry.note.tsc), entry.frame, entry.size)) {
        ++added;
      } else {
        worker.counters->capture_unwritten.add(1);
      }
      capture->ring().pop();
      any = true;
    }
    if (added == 0 || config_.capture->flush()) continue;
    worker.counters->capture_unwritten.add(added);
    if (config_.notify) config_.notify("the file of captured drops cannot be written any more");
  }
  return any;
}

}  // namespace pssst::net
