#include "client/connected_socket.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace pssst::client {
namespace {

/// What the kernel reports for the ICMP messages "destination unreachable" (ip(7), icmp(7)).
bool is_unreachable(int error_number) noexcept {
  return error_number == ECONNREFUSED || error_number == EHOSTUNREACH ||
         error_number == ENETUNREACH || error_number == EHOSTDOWN || error_number == ENOPROTOOPT ||
         error_number == EACCES;
}

timespec to_timespec(std::chrono::nanoseconds duration) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

}  // namespace

base::Result<ConnectedSocket> ConnectedSocket::connect(const Endpoint& endpoint) {
  ConnectedSocket made(
      ::socket(endpoint.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (made.fd_ < 0) {
    return base::fail("cannot make a UDP socket: " + base::describe_errno(errno),
                      endpoint.to_string());
  }
  if (::connect(made.fd_, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) !=
      0) {
    const int error_number = errno;
    return base::fail(
        "cannot reach the address: " + base::describe_errno(error_number), endpoint.to_string(),
        error_number == ENETUNREACH ? "check this machine's routes (ip route get)" : "");
  }
  return made;
}

ConnectedSocket::ConnectedSocket(ConnectedSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

ConnectedSocket& ConnectedSocket::operator=(ConnectedSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

ConnectedSocket::~ConnectedSocket() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<ConnectedSocket::Received> ConnectedSocket::send(
    std::span<const std::uint8_t> datagram) const {
  int error_number = 0;
  // A pending ICMP error fails one send and is cleared by that.
  for (int attempt = 0; attempt < 2;) {
    if (::send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) {
      return Received{.event = Event::kDatagram, .size = datagram.size()};
    }
    error_number = errno;
    if (error_number == EINTR) continue;
    if (!is_unreachable(error_number)) break;
    ++attempt;
  }
  if (is_unreachable(error_number)) {
    return Received{.event = Event::kUnreachable, .error_number = error_number};
  }
  return base::fail("cannot send the datagram: " + base::describe_errno(error_number), {},
                    error_number == EPERM ? "a packet filter on this machine forbids it" : "");
}

base::Result<ConnectedSocket::Received> ConnectedSocket::receive(std::span<std::uint8_t> buffer,
                                                                 TimePoint deadline) const {
  while (true) {
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size >= 0) {
      return Received{.event = Event::kDatagram, .size = static_cast<std::size_t>(size)};
    }
    if (is_unreachable(errno)) {
      return Received{.event = Event::kUnreachable, .error_number = errno};
    }
    if (errno != EAGAIN && errno != EINTR) {
      return base::fail("cannot receive: " + base::describe_errno(errno));
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= TimePoint::duration::zero()) return Received{};
    pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
    const timespec timeout = to_timespec(left);
    if (::ppoll(&readable, 1, &timeout, nullptr) < 0 && errno != EINTR) {
      return base::fail("cannot wait for a datagram: " + base::describe_errno(errno));
    }
  }
}

}  // namespace pssst::client
