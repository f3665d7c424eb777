#include "net/socket_port.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "net/socket_set.hpp"
#include "net/udp_socket.hpp"
#include "pssst/wire.hpp"

namespace pssst::net {
namespace {

constexpr std::size_t kBatchMax = 64;  // messages per recvmmsg and sendmmsg

// The larger of the two kinds of packet information, and SO_RXQ_OVFL.
constexpr std::size_t kControlSize =
    CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint32_t));

struct alignas(cmsghdr) Control {
  std::array<std::uint8_t, kControlSize> bytes;
};

struct alignas(64) Slot {
  std::array<std::uint8_t, kDatagramSizeMax> payload;
  SocketAddress peer;
  SocketAddress called;  // which of our addresses
  std::uint32_t socket;
  bool held;
};

template <class T>
T read_control(const cmsghdr* header) noexcept {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

template <class T>
void write_control(msghdr& message, Control& control, int level, int type,
                   const T& value) noexcept {
  static_assert(CMSG_SPACE(sizeof(T)) <= kControlSize);
  control.bytes.fill(0);
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof value);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
}

// The source of a reply: the address that was called. The route to the peer is the kernel's
// business, except where a link-local address means nothing without its interface.
void write_called_address(msghdr& message, Control& control, const SocketAddress& called) noexcept {
  if (called.any.sa_family == AF_INET6) {
    in6_pktinfo info{};
    info.ipi6_addr = called.ipv6.sin6_addr;
    info.ipi6_ifindex = called.ipv6.sin6_scope_id;
    write_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    info.ipi_spec_dst = called.ipv4.sin_addr;
    write_control(message, control, IPPROTO_IP, IP_PKTINFO, info);
  }
}

std::array<std::uint8_t, 16> address_of(const SocketAddress& socket) noexcept {
  std::array<std::uint8_t, 16> address{};
  if (socket.any.sa_family == AF_INET6) {
    std::memcpy(address.data(), &socket.ipv6.sin6_addr, address.size());
  } else {
    address[10] = address[11] = 0xff;
    std::memcpy(&address[12], &socket.ipv4.sin_addr, sizeof socket.ipv4.sin_addr);
  }
  return address;
}

}  // namespace

struct SocketPort::Impl {
  std::unique_ptr<SocketSet> sockets;
  std::uint32_t next_socket = 0;
  std::unique_ptr<Slot[]> slots;
  std::size_t slot_count = 0;
  std::vector<std::uint32_t> free_slots;  // a stack, never beyond its first size
  PortCounters counters;

  // One batch, received or sent.
  std::array<mmsghdr, kBatchMax> messages{};
  std::array<iovec, kBatchMax> vectors{};
  std::array<Control, kBatchMax> controls{};
  std::array<std::uint64_t, kBatchMax> order{};

  std::size_t receive_batch(std::uint32_t socket_index, std::span<Datagram> received) noexcept;
  DropReason accept(const msghdr& message, UdpSocket& socket, Slot& slot) noexcept;
  void transmit_batch(std::span<Reply> replies) noexcept;
  void send_messages(int fd, std::span<Reply> replies, std::size_t begin, std::size_t end) noexcept;
  void free_slot(std::uintptr_t handle) noexcept;
};

// Reads the control messages into the slot and the counters; kNone: the slot holds a datagram that
// can be replied to.
DropReason SocketPort::Impl::accept(const msghdr& message, UdpSocket& socket, Slot& slot) noexcept {
  DropReason drop = DropReason::kFrameNotForUs;
  // CMSG_NXTHDR wants a mutable header, though it only reads.
  msghdr walk = message;
  for (cmsghdr* header = CMSG_FIRSTHDR(&walk); header != nullptr;
       header = CMSG_NXTHDR(&walk, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL) {
      counters.missed.add(socket.overflow.advance(read_control<std::uint32_t>(header)));
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      const auto info = read_control<in_pktinfo>(header);
      slot.called.ipv4 = {};
      slot.called.ipv4.sin_family = AF_INET;
      slot.called.ipv4.sin_addr = info.ipi_addr;
      // They differ when the datagram was broadcast or multicast.
      if (info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr) drop = DropReason::kNone;
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const auto info = read_control<in6_pktinfo>(header);
      slot.called.ipv6 = {};
      slot.called.ipv6.sin6_family = AF_INET6;
      slot.called.ipv6.sin6_addr = info.ipi6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
        slot.called.ipv6.sin6_scope_id = info.ipi6_ifindex;
      }
      if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) drop = DropReason::kNone;
    }
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) return DropReason::kFrameOversized;
  if (drop != DropReason::kNone) return drop;
  if (socket.is_ipv6 && IN6_IS_ADDR_UNSPECIFIED(&slot.peer.ipv6.sin6_addr)) {
    return DropReason::kIpSource;
  }
  const in_port_t peer_port = socket.is_ipv6 ? slot.peer.ipv6.sin6_port : slot.peer.ipv4.sin_port;
  return peer_port == 0 ? DropReason::kUdpPort : DropReason::kNone;
}

std::size_t SocketPort::Impl::receive_batch(std::uint32_t socket_index,
                                            std::span<Datagram> received) noexcept {
  UdpSocket& socket = sockets->sockets()[socket_index];
  const std::size_t limit = std::min({received.size(), free_slots.size(), kBatchMax});
  if (limit == 0 || socket.fd.get() < 0) return 0;
  const std::uint32_t* taken = free_slots.data() + (free_slots.size() - limit);
  for (std::size_t i = 0; i < limit; ++i) {
    Slot& slot = slots[taken[i]];
    vectors[i] = {slot.payload.data(), slot.payload.size()};
    messages[i].msg_hdr = {.msg_name = &slot.peer,
                           .msg_namelen = sizeof slot.peer,
                           .msg_iov = &vectors[i],
                           .msg_iovlen = 1,
                           .msg_control = controls[i].bytes.data(),
                           .msg_controllen = controls[i].bytes.size(),
                           .msg_flags = 0};
  }
  // Errors other than "nothing there" are pending ICMP reports, cleared by this call.
  const int result = ::recvmmsg(socket.fd.get(), messages.data(), static_cast<unsigned>(limit),
                                MSG_DONTWAIT, nullptr);
  if (result <= 0) return 0;
  const auto arrived = static_cast<std::size_t>(result);
  counters.frames.add(arrived);

  std::array<std::uint32_t, kBatchMax> reused{};
  std::size_t reused_count = 0;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < arrived; ++i) {
    Slot& slot = slots[taken[i]];
    const DropReason drop = accept(messages[i].msg_hdr, socket, slot);
    if (drop != DropReason::kNone) {
      counters.drops.add(drop);
      reused[reused_count++] = taken[i];
      continue;
    }
    slot.socket = socket_index;
    slot.held = true;
    received[count++] = {.data = slot.payload.data(),
                         .size = static_cast<std::uint16_t>(messages[i].msg_len),
                         .udp_port = socket.udp_port,
                         .source = address_of(slot.peer),
                         .destination = address_of(slot.called),
                         .handle = taken[i]};
    bytes += messages[i].msg_len;
  }
  counters.datagrams.add(count);
  counters.bytes_in.add(bytes);
  // The first `arrived` of the slots offered are used up; the others and the reused stay free.
  free_slots.erase(free_slots.end() - static_cast<std::ptrdiff_t>(limit),
                   free_slots.end() - static_cast<std::ptrdiff_t>(limit - arrived));
  free_slots.insert(free_slots.end(), reused.begin(), reused.begin() + reused_count);
  return count;
}

// Sends messages[begin..end), all from one socket. sendmmsg stops at the first that fails, and
// tells why only when it is the first of a call: that one is given up and the rest goes on.
void SocketPort::Impl::send_messages(int fd, std::span<Reply> replies, std::size_t begin,
                                     std::size_t end) noexcept {
  while (begin < end) {
    const int result =
        ::sendmmsg(fd, &messages[begin], static_cast<unsigned>(end - begin), MSG_DONTWAIT);
    if (result <= 0) {
      ++begin;
      continue;
    }
    for (const std::size_t sent_end = begin + static_cast<std::size_t>(result); begin < sent_end;
         ++begin) {
      Reply& reply = replies[order[begin] & 0xffff];
      reply.sent = true;
      counters.bytes_out.add(reply.size);
    }
  }
}

void SocketPort::Impl::transmit_batch(std::span<Reply> replies) noexcept {
  // By socket, and within it as given.
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const std::uintptr_t handle = replies[i].to.handle;
    PSSST_ASSERT(handle < slot_count && slots[handle].held);
    order[i] = (std::uint64_t{slots[handle].socket} << 16) | i;
  }
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(replies.size()));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    Reply& reply = replies[order[i] & 0xffff];
    reply.sent = false;
    Slot& slot = slots[reply.to.handle];
    // sendmmsg only reads what an iovec points to.
    vectors[i] = {const_cast<std::uint8_t*>(reply.data), reply.size};
    messages[i].msg_hdr = {};
    messages[i].msg_hdr.msg_name = &slot.peer;
    messages[i].msg_hdr.msg_namelen =
        slot.peer.any.sa_family == AF_INET6 ? sizeof slot.peer.ipv6 : sizeof slot.peer.ipv4;
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    write_called_address(messages[i].msg_hdr, controls[i], slot.called);
  }
  for (std::size_t begin = 0, end = 0; begin < replies.size(); begin = end) {
    const std::uint64_t socket = order[begin] >> 16;
    while (end < replies.size() && (order[end] >> 16) == socket) ++end;
    send_messages(sockets->sockets()[socket].fd.get(), replies, begin, end);
  }
  for (const Reply& reply : replies) free_slot(reply.to.handle);
}

void SocketPort::Impl::free_slot(std::uintptr_t handle) noexcept {
  PSSST_ASSERT(handle < slot_count && slots[handle].held);
  slots[handle].held = false;
  free_slots.push_back(static_cast<std::uint32_t>(handle));
}

base::Result<void> SocketPort::probe(const SocketPortConfig& config) {
  const auto endpoints = resolve_endpoints(config.addresses, config.udp_ports);
  if (!endpoints) return tl::unexpected(endpoints.error());
  for (const Endpoint& endpoint : *endpoints) {
    if (auto free = probe_endpoint(endpoint); !free) return free;
  }
  return {};
}

base::Result<std::unique_ptr<SocketPort>> SocketPort::create(const SocketPortConfig& config) {
  auto sockets = SocketSet::create({.addresses = config.addresses,
                                    .receive_buffer_size = config.receive_buffer_size,
                                    .send_buffer_size = config.send_buffer_size},
                                   config.udp_ports);
  if (!sockets) return tl::unexpected(sockets.error());
  auto impl = std::make_unique<Impl>();
  impl->sockets = *std::move(sockets);
  impl->slot_count = std::max<std::size_t>(config.slots, 1);
  impl->slots = std::make_unique<Slot[]>(impl->slot_count);
  for (std::size_t i = impl->slot_count; i > 0; --i) {
    impl->free_slots.push_back(static_cast<std::uint32_t>(i - 1));
  }
  return std::unique_ptr<SocketPort>(new SocketPort(std::move(impl)));
}

base::Result<void> SocketPort::open_udp_ports(std::span<const std::uint16_t> udp_ports) {
  return impl_->sockets->open_udp_ports(udp_ports);
}

base::Result<void> SocketPort::close_udp_ports_except(std::span<const std::uint16_t> udp_ports) {
  return impl_->sockets->close_udp_ports_except(udp_ports);
}

SocketPort::SocketPort(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SocketPort::~SocketPort() = default;

// The next pass begins behind the socket at which this one ran out of room: a flooded socket does
// not starve the others.
std::size_t SocketPort::receive(std::span<Datagram> received) noexcept {
  impl_->sockets->take_change();
  const std::size_t socket_count = impl_->sockets->sockets().size();
  std::size_t count = 0;
  for (std::size_t left = socket_count;
       left > 0 && count < received.size() && !impl_->free_slots.empty(); --left) {
    count += impl_->receive_batch(impl_->next_socket, received.subspan(count));
    if (++impl_->next_socket >= socket_count) impl_->next_socket = 0;
  }
  return count;
}

void SocketPort::transmit(std::span<Reply> replies) noexcept {
  while (!replies.empty()) {
    const std::size_t count = std::min(replies.size(), kBatchMax);
    impl_->transmit_batch(replies.first(count));
    replies = replies.subspan(count);
  }
}

void SocketPort::release(const Datagram& datagram, DropReason /*drop*/) noexcept {
  impl_->free_slot(datagram.handle);
}

void SocketPort::wait(std::chrono::microseconds timeout) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec limit{
      .tv_sec = seconds.count(),
      .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(timeout - seconds).count()};
  const std::span<pollfd> poll_set = impl_->sockets->poll_set();
  ::ppoll(poll_set.data(), poll_set.size(), &limit, nullptr);
}

std::size_t SocketPort::capacity() const noexcept {
  return impl_->slot_count;
}
const PortCounters& SocketPort::counters() const noexcept {
  return impl_->counters;
}

}  // namespace pssst::net
