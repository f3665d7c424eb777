#include "net/socket_set.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace pssst::net {
namespace {

constexpr std::chrono::seconds kTakeUpMax{5};

}  // namespace

base::Result<std::unique_ptr<SocketSet>> SocketSet::create(
    SocketSetConfig config, std::span<const std::uint16_t> udp_ports) {
  std::unique_ptr<SocketSet> set(new SocketSet(std::move(config)));
  set->sockets_.reserve(kSocketsMax);
  set->poll_set_.reserve(kSocketsMax);
  auto opened = set->open(udp_ports);
  if (!opened) return tl::unexpected(opened.error());
  set->changes_ = *std::move(opened);
  set->announced_.store(1, std::memory_order_relaxed);
  set->apply_change();
  return set;
}

base::Result<void> SocketSet::open_udp_ports(std::span<const std::uint16_t> udp_ports) {
  auto opened = open(udp_ports);
  if (!opened) return tl::unexpected(opened.error());
  return hand_over(*std::move(opened));
}

base::Result<void> SocketSet::close_udp_ports_except(std::span<const std::uint16_t> udp_ports) {
  std::vector<Change> closed;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    const bool stays = std::ranges::find(udp_ports, place.endpoint.udp_port) != udp_ports.end();
    if (stays || !place.is_open) continue;
    place.is_open = false;
    closed.push_back({i, UdpSocket{base::FileDescriptor(), 0, false, {}}});
  }
  return hand_over(std::move(closed));
}

base::Result<std::vector<SocketSet::Change>> SocketSet::open(
    std::span<const std::uint16_t> udp_ports) {
  const auto endpoints = resolve_endpoints(config_.addresses, udp_ports);
  if (!endpoints) return tl::unexpected(endpoints.error());
  std::vector<Change> opened;
  for (const Endpoint& endpoint : *endpoints) {
    const std::size_t place = place_of(endpoint);
    const bool is_named_twice = std::ranges::find(opened, place, &Change::place) != opened.end();
    if (places_[place].is_open || is_named_twice) continue;
    if (place >= kSocketsMax) {
      return base::fail("more than " + std::to_string(kSocketsMax) + " sockets since the start",
                        endpoint.name, "restart the server");
    }
    auto socket = open_udp_socket(endpoint, config_.receive_buffer_size, config_.send_buffer_size);
    if (!socket) return tl::unexpected(socket.error());
    opened.push_back({place, *std::move(socket)});
  }
  for (const Change& change : opened) places_[change.place].is_open = true;
  return opened;
}

// Datagrams that a worker holds name their socket by its place: it never becomes another's.
std::size_t SocketSet::place_of(const Endpoint& endpoint) {
  const auto known = std::ranges::find_if(
      places_, [&](const Place& place) { return place.endpoint.name == endpoint.name; });
  if (known != places_.end()) return static_cast<std::size_t>(known - places_.begin());
  places_.push_back({.endpoint = endpoint});
  return places_.size() - 1;
}

base::Result<void> SocketSet::hand_over(std::vector<Change> changes) {
  if (changes.empty()) return {};
  const std::uint64_t number = announced_.load(std::memory_order_relaxed) + 1;
  const auto deadline = std::chrono::steady_clock::now() + kTakeUpMax;
  const auto is_taken = [&](std::uint64_t change) {
    while (taken_.load(std::memory_order_acquire) != change) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  };
  // Not taken only if an earlier one was waited for in vain.
  if (is_taken(number - 1)) {
    changes_ = std::move(changes);
    announced_.store(number, std::memory_order_release);
    if (is_taken(number)) {
      changes_.clear();  // closes what the worker put back
      return {};
    }
  }
  return base::fail("a worker does not take up its sockets", {}, "look at its health");
}

void SocketSet::apply_change() noexcept {
  for (Change& change : changes_) {
    if (change.place >= sockets_.size()) {
      sockets_.resize(change.place + 1);
      poll_set_.resize(change.place + 1, {.fd = -1, .events = 0, .revents = 0});
    }
    UdpSocket& socket = sockets_[change.place];
    std::swap(socket, change.socket);
    poll_set_[change.place] = {.fd = socket.fd.get(), .events = POLLIN, .revents = 0};
  }
  taken_.store(announced_.load(std::memory_order_relaxed), std::memory_order_release);
}

}  // namespace pssst::net
