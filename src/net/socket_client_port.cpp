#include "net/socket_client_port.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/file_descriptor.hpp"
#include "pssst/wire.hpp"

namespace pssst::net {
namespace {

constexpr std::size_t kBatchMax = 64;  // messages per recvmmsg and sendmmsg
// More than our servers send, so that a longer reply is seen as such.
constexpr std::size_t kReceiveSize = 2048;

/// What the kernel reports for ICMP messages (ip(7), icmp(7)).
bool is_unreachable(int error_number) noexcept {
  return error_number == ECONNREFUSED || error_number == EHOSTUNREACH ||
         error_number == ENETUNREACH || error_number == EHOSTDOWN || error_number == ENOPROTOOPT;
}

bool is_full(int error_number) noexcept {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == ENOBUFS ||
         error_number == ENOMEM;
}

// With CAP_NET_ADMIN beyond net.core.rmem_max and wmem_max; without, up to them.
void set_buffer(int fd, int forced, int plain, int size) noexcept {
  if (::setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0) {
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size));
  }
}

base::Result<base::FileDescriptor> open_connected(const SocketClientConfig& config) {
  const Endpoint& server = config.server;
  base::FileDescriptor fd(::socket(server.address.any.sa_family,
                                   SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (fd.get() < 0) {
    const int error_number = errno;
    return base::fail("cannot make a UDP socket: " + base::describe_errno(error_number),
                      server.name);
  }
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, config.buffer_size);
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, config.buffer_size);
  if (::connect(fd.get(), &server.address.any, server.address_size) != 0) {
    const int error_number = errno;
    return base::fail(
        "cannot reach the address: " + base::describe_errno(error_number), server.name,
        error_number == ENETUNREACH ? "check this machine's routes (ip route get)" : "");
  }
  return fd;
}

}  // namespace

struct SocketClientPort::Impl {
  std::vector<base::FileDescriptor> sockets;
  std::vector<pollfd> poll_set;
  std::size_t next_to_send = 0;
  std::size_t next_to_receive = 0;
  ClientPortCounters counters;

  std::array<mmsghdr, kBatchMax> outgoing{};
  std::array<iovec, kBatchMax> outgoing_vectors{};
  std::array<mmsghdr, kBatchMax> incoming{};
  std::array<iovec, kBatchMax> incoming_vectors{};
  std::array<std::array<std::uint8_t, kReceiveSize>, kBatchMax> buffers{};

  std::size_t send_messages(int fd, std::size_t count) noexcept;
  std::size_t receive_messages(int fd, std::size_t first, std::size_t limit) noexcept;
  void wait(long timeout_ns) noexcept;
};

// A pending ICMP error fails one call and is cleared by that.
std::size_t SocketClientPort::Impl::send_messages(int fd, std::size_t count) noexcept {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int sent = ::sendmmsg(fd, outgoing.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (is_full(errno)) return 0;
    if (is_unreachable(errno)) {
      counters.unreachable.add(1);
    } else if (errno != EINTR) {
      break;
    }
  }
  counters.send_errors.add(1);
  return 1;
}

std::size_t SocketClientPort::Impl::receive_messages(int fd, std::size_t first,
                                                     std::size_t limit) noexcept {
  const int count =
      ::recvmmsg(fd, &incoming[first], static_cast<unsigned>(limit), MSG_DONTWAIT, nullptr);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (is_unreachable(errno)) counters.unreachable.add(1);
  return 0;
}

void SocketClientPort::Impl::wait(long timeout_ns) noexcept {
  constexpr long kSecondNs = 1'000'000'000;
  const timespec timeout{.tv_sec = timeout_ns / kSecondNs, .tv_nsec = timeout_ns % kSecondNs};
  static_cast<void>(::ppoll(poll_set.data(), poll_set.size(), &timeout, nullptr));
}

base::Result<std::unique_ptr<SocketClientPort>> SocketClientPort::open(
    const SocketClientConfig& config) {
  PSSST_ASSERT(config.sockets > 0);
  auto impl = std::make_unique<Impl>();
  for (unsigned i = 0; i < config.sockets; ++i) {
    auto fd = open_connected(config);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    impl->poll_set.push_back({.fd = fd->get(), .events = POLLIN, .revents = 0});
    impl->sockets.push_back(*std::move(fd));
  }
  for (std::size_t i = 0; i < kBatchMax; ++i) {
    impl->outgoing[i].msg_hdr.msg_iov = &impl->outgoing_vectors[i];
    impl->outgoing[i].msg_hdr.msg_iovlen = 1;
    impl->incoming_vectors[i] = {.iov_base = impl->buffers[i].data(), .iov_len = kReceiveSize};
    impl->incoming[i].msg_hdr.msg_iov = &impl->incoming_vectors[i];
    impl->incoming[i].msg_hdr.msg_iovlen = 1;
  }
  return std::unique_ptr<SocketClientPort>(new SocketClientPort(std::move(impl)));
}

SocketClientPort::SocketClientPort(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SocketClientPort::~SocketClientPort() = default;

std::size_t SocketClientPort::send(std::span<const Outgoing> outgoing) noexcept {
  Impl& impl = *impl_;
  const std::size_t count = std::min(outgoing.size(), kBatchMax);
  if (count == 0) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    // sendmmsg only reads.
    impl.outgoing_vectors[i] = {.iov_base = const_cast<std::uint8_t*>(outgoing[i].data),
                                .iov_len = outgoing[i].size};
  }
  const std::size_t sent = impl.send_messages(impl.sockets[impl.next_to_send].get(), count);
  impl.next_to_send = (impl.next_to_send + 1) % impl.sockets.size();
  return sent;
}

std::size_t SocketClientPort::receive(std::span<Datagram> received) noexcept {
  Impl& impl = *impl_;
  const std::size_t limit = std::min(received.size(), kBatchMax);
  // One system call tells which of many sockets hold anything.
  const bool is_polled = impl.sockets.size() > 1;
  if (is_polled) impl.wait(0);
  std::size_t count = 0;
  for (std::size_t left = impl.sockets.size(); left > 0 && count < limit; --left) {
    pollfd& polled = impl.poll_set[impl.next_to_receive];
    if (++impl.next_to_receive == impl.sockets.size()) impl.next_to_receive = 0;
    if (is_polled && polled.revents == 0) continue;
    count += impl.receive_messages(polled.fd, count, limit - count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    received[i] = {.data = impl.buffers[i].data(),
                   .size = static_cast<std::uint16_t>(impl.incoming[i].msg_len)};
  }
  return count;
}

void SocketClientPort::wait(std::chrono::nanoseconds timeout) noexcept {
  impl_->wait(std::max<long>(timeout.count(), 0));
}

const ClientPortCounters& SocketClientPort::counters() const noexcept {
  return impl_->counters;
}

}  // namespace pssst::net
