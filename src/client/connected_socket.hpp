/// A UDP socket that talks to one endpoint.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "client/endpoint.hpp"

namespace pssst::client {

/// Connected, so the kernel passes on datagrams of that endpoint alone, and its ICMP errors.
/// Move-only; a moved-from socket may only be destroyed or assigned to.
class ConnectedSocket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  [[nodiscard]] static base::Result<ConnectedSocket> connect(const Endpoint& endpoint);
  ConnectedSocket(ConnectedSocket&& other) noexcept;
  ConnectedSocket& operator=(ConnectedSocket&& other) noexcept;
  ConnectedSocket(const ConnectedSocket&) = delete;
  ConnectedSocket& operator=(const ConnectedSocket&) = delete;
  ~ConnectedSocket();

  enum class Event : std::uint8_t {
    kDatagram,
    kDeadline,     ///< nothing came in time
    kUnreachable,  ///< ICMP says that datagrams do not arrive; a hint, anyone can forge it
  };
  struct Received {
    Event event = Event::kDeadline;
    std::size_t size = 0;  ///< of the datagram; more than the buffer holds if it was cut
    int error_number = 0;  ///< with kUnreachable: ECONNREFUSED, EHOSTUNREACH, ...
  };

  /// kUnreachable if the network said so at once, kDatagram if the datagram left. An ICMP error for
  /// an earlier datagram, which the kernel reports here, does not keep this one from being sent.
  [[nodiscard]] base::Result<Received> send(std::span<const std::uint8_t> datagram) const;

  /// Waits for whatever comes first, until `deadline` at the latest.
  [[nodiscard]] base::Result<Received> receive(std::span<std::uint8_t> buffer,
                                               TimePoint deadline) const;

 private:
  explicit ConnectedSocket(int fd) noexcept : fd_(fd) {}
  int fd_;
};

}  // namespace pssst::client
