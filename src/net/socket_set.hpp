/// The kernel sockets of one worker, opened and closed by another thread while it uses them.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/udp_socket.hpp"

namespace pssst::net {

struct SocketSetConfig {
  std::vector<std::string> addresses;  ///< numeric
  int receive_buffer_size = 0;         ///< bytes asked of each socket
  int send_buffer_size = 0;
};

/// One socket per address and UDP port.
class SocketSet {
 public:
  /// Places for sockets, of all that were ever opened.
  static constexpr std::size_t kSocketsMax = 1024;

  static base::Result<std::unique_ptr<SocketSet>> create(SocketSetConfig config,
                                                         std::span<const std::uint16_t> udp_ports);

  // The worker's, and nothing of it allocates.

  /// Takes up what was opened and closed. Cheap when there is nothing.
  void take_change() noexcept {
    if (announced_.load(std::memory_order_acquire) != taken_.load(std::memory_order_relaxed)) {
      apply_change();
    }
  }
  /// A socket's place is its own for good; one that was closed has no descriptor.
  [[nodiscard]] std::span<UdpSocket> sockets() noexcept { return sockets_; }
  /// As sockets(); fd is -1 where there is none.
  [[nodiscard]] std::span<pollfd> poll_set() noexcept { return poll_set_; }

  // The other thread's. Each waits until the worker has taken the change up, some seconds at most.

  /// Opens those of `udp_ports` that are not open, at every address. On failure none is.
  base::Result<void> open_udp_ports(std::span<const std::uint16_t> udp_ports);
  /// Closes all others.
  base::Result<void> close_udp_ports_except(std::span<const std::uint16_t> udp_ports);

 private:
  struct Place {
    Endpoint endpoint;
    bool is_open = false;
  };
  /// What the worker is to swap into its sockets; without a descriptor: nothing.
  struct Change {
    std::size_t place = 0;
    UdpSocket socket;
  };

  explicit SocketSet(SocketSetConfig config) : config_(std::move(config)) {}

  base::Result<std::vector<Change>> open(std::span<const std::uint16_t> udp_ports);
  std::size_t place_of(const Endpoint& endpoint);
  base::Result<void> hand_over(std::vector<Change> changes);
  void apply_change() noexcept;

  // The worker's, within memory reserved at the start.
  std::vector<UdpSocket> sockets_;
  std::vector<pollfd> poll_set_;

  // The number of the newest change, and of the newest that the worker has taken up. Between the
  // two `changes_` is the worker's.
  std::atomic<std::uint64_t> announced_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::vector<Change> changes_;

  // The other thread's.
  const SocketSetConfig config_;
  std::vector<Place> places_;  ///< as sockets()
};

}  // namespace pssst::net
