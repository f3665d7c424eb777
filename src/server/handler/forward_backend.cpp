#include "server/handler/forward_backend.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/tsc.hpp"

namespace pssst::server {
namespace {

/// Both ways: what waits in a socket's buffer is bounded by the deadline and by the requests in
/// flight, not by the kernel's default.
constexpr int kBufferSize = 8 << 20;

std::uint64_t ticks_of(std::uint64_t milliseconds) noexcept {
  return milliseconds * base::tsc_hz() / 1000;
}

socklen_t fill(const std::string& path, sockaddr_un& address) noexcept {
  address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const bool abstract = path.front() == '@';
  if (abstract) address.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
}

void enlarge(int fd, int force, int option) noexcept {
  // Beyond the limit that others have, if we may.
  if (::setsockopt(fd, SOL_SOCKET, force, &kBufferSize, sizeof kBufferSize) != 0) {
    ::setsockopt(fd, SOL_SOCKET, option, &kBufferSize, sizeof kBufferSize);
  }
}

}  // namespace

Backend::Backend(std::string address) : address_(std::move(address)) {}

std::size_t Backend::room() const noexcept {
  if (state_ == State::kUsable) return std::numeric_limits<std::size_t>::max();
  return state_ == State::kOnTrial && !trial_sent_ ? 1 : 0;
}

bool Backend::connect() noexcept {
  base::FileDescriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.get() < 0) return false;
  enlarge(made.get(), SO_SNDBUFFORCE, SO_SNDBUF);
  enlarge(made.get(), SO_RCVBUFFORCE, SO_RCVBUF);
  // A name of its own, which the kernel chooses: without one nobody could answer. Once connected,
  // the socket takes datagrams from its peer alone.
  const sa_family_t unnamed = AF_UNIX;
  sockaddr_un address{};
  const socklen_t size = fill(address_, address);
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof unnamed) != 0 ||
      ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return false;
  }
  socket_ = std::move(made);
  ++incarnation_;
  return true;
}

void Backend::enter(State state) noexcept {
  state_ = state;
  counters_.usable.set(state == State::kUsable ? 1 : 0);
}

void Backend::look(std::uint64_t now) noexcept {
  if (state_ != State::kEjected || now < retry_at_) return;
  if (fd() < 0 && !connect()) {
    retry_at_ = now + ticks_of(retry_ms_);
    retry_ms_ = std::min(2 * retry_ms_, kRetryMaxMs);
    return;
  }
  trial_sent_ = false;
  // At first nothing speaks against it.
  enter(seen_ ? State::kOnTrial : State::kUsable);
  seen_ = true;
}

void Backend::sent(std::size_t n) noexcept {
  counters_.sent.add(n);
  trial_sent_ = state_ == State::kOnTrial;
  full_since_ = 0;
}

void Backend::full(std::uint64_t now, std::uint64_t patience) noexcept {
  counters_.full.add(1);
  if (full_since_ == 0) full_since_ = now;
  // On trial nothing was sent, so nothing will expire.
  if (state_ == State::kOnTrial || now - full_since_ >= patience) eject(now);
}

void Backend::answered() noexcept {
  counters_.answered.add(1);
  expired_in_a_row_ = 0;
  retry_ms_ = kRetryMinMs;
  if (state_ == State::kUsable) return;
  counters_.readmitted.add(1);
  enter(State::kUsable);
}

void Backend::expired(std::uint64_t epoch, std::uint64_t now) noexcept {
  counters_.expired.add(1);
  if (epoch != epoch_) return;
  ++expired_in_a_row_;
  const bool failed_trial = state_ == State::kOnTrial && trial_sent_;
  if (failed_trial || (state_ == State::kUsable && expired_in_a_row_ >= kExpiredInARow)) eject(now);
}

void Backend::gone(std::uint64_t now) noexcept {
  disconnect();
  eject(now);
}

void Backend::disconnect() noexcept {
  socket_ = base::FileDescriptor();
  ++incarnation_;
}

void Backend::eject(std::uint64_t now) noexcept {
  if (state_ == State::kUsable) counters_.ejected.add(1);
  if (state_ == State::kOnTrial) disconnect();
  enter(State::kEjected);
  expired_in_a_row_ = 0;
  full_since_ = 0;
  ++epoch_;
  retry_at_ = now + ticks_of(retry_ms_);
  retry_ms_ = std::min(2 * retry_ms_, kRetryMaxMs);
}

}  // namespace pssst::server
