#include "net/dpdk_port_background.hpp"

#include <algorithm>
#include <utility>

namespace pssst::net {
namespace {

// Between a worker and the background, each way: what arrives in about a millisecond.
constexpr std::size_t kRingFrames = 512;
// With its headers such a packet fits FrameRing::kFrameRoom.
constexpr unsigned kTapMtuMax = 1500;

// Workers fill their CPUs.
std::vector<unsigned> cpus_without(std::span<const unsigned> workers) {
  std::vector<unsigned> cpus = allowed_cpus();
  std::erase_if(cpus, [&](unsigned cpu) {
    return std::find(workers.begin(), workers.end(), cpu) != workers.end();
  });
  return cpus;
}

void make_rings(WorkerRings& rings, const DpdkConfig& config) {
  if (!config.taps.empty() || config.announce) rings.outgoing.emplace(kRingFrames);
  if (!config.taps.empty()) rings.to_kernel.emplace(kRingFrames);
  if (config.capture) {
    rings.capture.emplace(config.capture->reasons, config.capture->rate, kRingFrames);
  }
}

}  // namespace

std::uint16_t mtu_of(const DpdkDevice& device, const DpdkConfig& config) noexcept {
  return static_cast<std::uint16_t>(config.mtu == 0 ? device.mtu
                                                    : std::min<unsigned>(config.mtu, device.mtu));
}

base::Result<std::unique_ptr<PortBackground>> start_background(
    const DpdkConfig& config, std::span<const DpdkDevice> devices,
    std::span<const QueueAssignment> assignments, std::vector<PortBackground::Worker> workers) {
  if (config.taps.empty() && !config.announce && !config.capture && !config.notify) {
    return std::unique_ptr<PortBackground>();
  }
  PortBackground::Config own;
  own.notify = config.notify;
  if (config.announce) own.announced = config.addresses;
  own.vlans = config.vlans.empty() ? std::vector<std::uint16_t>{0} : config.vlans;
  own.workers = std::move(workers);
  for (const PortBackground::Worker& worker : own.workers) make_rings(*worker.rings, config);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const DpdkDevice& device = devices[i];
    PortBackground::Device& seen = own.devices.emplace_back();
    seen.name = device.name;
    seen.id = device.id;
    seen.mac = device.mac;
    seen.read_link = [&device] { return read_link(device); };
    seen.sender = std::ranges::find(assignments, i, &QueueAssignment::device)->worker;
    if (i >= config.taps.size()) continue;
    const unsigned mtu = std::min<unsigned>(mtu_of(device, config), kTapMtuMax);
    auto tap = TapDevice::create(config.taps[i], device.mac, mtu);
    if (!tap) return tl::unexpected(std::move(tap.error()));
    seen.tap = std::move(*tap);
  }
  if (config.capture) {
    auto file = PcapFile::create(config.capture->file, config.capture->size_max);
    if (!file) return tl::unexpected(std::move(file.error()));
    own.capture = std::move(*file);
  }
  auto background = std::make_unique<PortBackground>(std::move(own));
  background->start(cpus_without(config.cpus));
  return background;
}

}  // namespace pssst::net
