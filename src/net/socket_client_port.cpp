#include "net/socket_client_port.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
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

/// Not connected: each datagram says where it comes from and where it goes.
base::Result<base::FileDescriptor> open_foreign(const SocketClientConfig& config) {
  const Endpoint& server = config.server;
  if (server.address.any.sa_family != AF_INET) {
    return base::fail("foreign source addresses are of IPv4, and the server's is not", server.name);
  }
  base::FileDescriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    const int error_number = errno;
    return base::fail("cannot make a UDP socket: " + base::describe_errno(error_number),
                      server.name);
  }
  // Whoever may not: then only addresses that this host has.
  const int yes = 1;
  static_cast<void>(::setsockopt(fd.get(), IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof yes));
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, config.buffer_size);
  // Replies to addresses of this host come here, and nobody reads them.
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, 0);
  return fd;
}

/// The control message that says a datagram's source (ip(7)).
struct alignas(cmsghdr) SourceControl {
  std::array<std::uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> bytes{};

  void attach_to(msghdr& message) noexcept {
    message.msg_control = bytes.data();
    message.msg_controllen = bytes.size();
    cmsghdr header{};
    header.cmsg_level = IPPROTO_IP;
    header.cmsg_type = IP_PKTINFO;
    header.cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    std::memcpy(bytes.data(), &header, sizeof header);
  }
  void set(const Ipv4Address& source) noexcept {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.data(), source.size());
    std::memcpy(&bytes[CMSG_LEN(0)], &info, sizeof info);
  }
};

constexpr bool is_foreign(const Outgoing& outgoing) noexcept {
  return outgoing.source != Ipv4Address{};
}

}  // namespace

struct SocketClientPort::Impl {
  std::vector<base::FileDescriptor> sockets;
  std::vector<pollfd> poll_set;
  base::FileDescriptor foreign;
  Endpoint server;
  std::size_t next_to_send = 0;
  std::size_t next_to_receive = 0;
  ClientPortCounters counters;

  std::array<mmsghdr, kBatchMax> outgoing{};
  std::array<iovec, kBatchMax> outgoing_vectors{};
  std::array<mmsghdr, kBatchMax> foreign_outgoing{};  ///< over the same vectors
  std::array<SourceControl, kBatchMax> foreign_controls{};
  std::array<mmsghdr, kBatchMax> incoming{};
  std::array<iovec, kBatchMax> incoming_vectors{};
  std::array<std::array<std::uint8_t, kReceiveSize>, kBatchMax> buffers{};

  std::size_t send_messages(int fd, mmsghdr* messages, std::size_t count) noexcept;
  std::size_t send_foreign(std::span<const Outgoing> batch) noexcept;
  std::size_t receive_messages(int fd, std::size_t first, std::size_t limit) noexcept;
  void wait(long timeout_ns) noexcept;
};

// A pending ICMP error fails one call and is cleared by that.
std::size_t SocketClientPort::Impl::send_messages(int fd, mmsghdr* messages,
                                                  std::size_t count) noexcept {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int sent = ::sendmmsg(fd, messages, static_cast<unsigned>(count), MSG_NOSIGNAL);
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

std::size_t SocketClientPort::Impl::send_foreign(std::span<const Outgoing> batch) noexcept {
  PSSST_ASSERT(foreign.get() >= 0);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    foreign_controls[i].set(batch[i].source);
  }
  return send_messages(foreign.get(), foreign_outgoing.data(), batch.size());
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
  impl->server = config.server;
  if (config.foreign_sources) {
    auto fd = open_foreign(config);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    impl->foreign = *std::move(fd);
  }
  for (std::size_t i = 0; i < kBatchMax; ++i) {
    msghdr& from_elsewhere = impl->foreign_outgoing[i].msg_hdr;
    from_elsewhere.msg_name = &impl->server.address;
    from_elsewhere.msg_namelen = impl->server.address_size;
    from_elsewhere.msg_iov = &impl->outgoing_vectors[i];
    from_elsewhere.msg_iovlen = 1;
    impl->foreign_controls[i].attach_to(from_elsewhere);
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
  if (outgoing.empty()) return 0;
  const bool foreign = is_foreign(outgoing.front());
  std::size_t count = 1;
  while (count < std::min(outgoing.size(), kBatchMax) && is_foreign(outgoing[count]) == foreign) {
    ++count;
  }
  for (std::size_t i = 0; i < count; ++i) {
    // sendmmsg only reads.
    impl.outgoing_vectors[i] = {.iov_base = const_cast<std::uint8_t*>(outgoing[i].data),
                                .iov_len = outgoing[i].size};
  }
  if (foreign) return impl.send_foreign(outgoing.first(count));
  const std::size_t sent =
      impl.send_messages(impl.sockets[impl.next_to_send].get(), impl.outgoing.data(), count);
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
