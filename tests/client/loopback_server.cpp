#include "client/loopback_server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/assert.hpp"

namespace pssst::test {
namespace {

/// Binds a new socket to `address`, any port, and writes where it is bound to `endpoint`.
int bind_socket(const char* address, client::Endpoint& endpoint) {
  const auto resolved = client::resolve(address, 0, client::AddressFamily::kAny);
  PSSST_ASSERT(resolved.has_value());
  endpoint = resolved->front();
  const int fd = ::socket(endpoint.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  PSSST_ASSERT(fd >= 0);
  auto* const native = reinterpret_cast<sockaddr*>(&endpoint.address);
  PSSST_ASSERT(::bind(fd, native, endpoint.size) == 0);
  PSSST_ASSERT(::getsockname(fd, native, &endpoint.size) == 0);
  return fd;
}

}  // namespace

void LoopbackServer::Lookup::find(std::span<const std::uint8_t* const> keys,
                                  std::span<FoundClient> found) const noexcept {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool known =
        enrolled && std::ranges::equal(client.public_key, std::span(keys[i], kKeySize));
    found[i] = known ? FoundClient{DropReason::kNone, client} : FoundClient{};
  }
}

LoopbackServer::LoopbackServer(const char* address, Behaviour behaviour, const PublicKey* client)
    : key_(PrivateKey::generate()), behaviour_(std::move(behaviour)) {
  if (client != nullptr) {
    lookup_.client.public_key = *client;
    lookup_.enrolled = true;
  }
  std::string error;
  server_ = SingleServer::create(key_, &lookup_, ClientPolicy::kOptional, &error);
  PSSST_ASSERT(server_ != nullptr);
  socket_ = bind_socket(address, endpoint_);
  PSSST_ASSERT(::pipe(stop_pipe_) == 0);
  thread_ = std::thread([this] { run(); });
}

LoopbackServer::~LoopbackServer() {
  ::close(stop_pipe_[1]);
  thread_.join();
  ::close(stop_pipe_[0]);
  ::close(socket_);
}

std::uint16_t LoopbackServer::port() const noexcept {
  // sin_port and sin6_port lie at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&endpoint_.address)->sin_port);
}

std::vector<Bytes> LoopbackServer::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::vector<Bytes> LoopbackServer::wait_for(std::size_t count) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (received().size() < count && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return received();
}

void LoopbackServer::send(std::span<const std::uint8_t> datagram) const {
  ::sendto(socket_, datagram.data(), datagram.size(), 0,
           reinterpret_cast<const sockaddr*>(&caller_.address), caller_.size);
}

void LoopbackServer::run() {
  std::array<std::uint8_t, 65536> buffer{};
  while (true) {
    std::array<pollfd, 2> events{pollfd{.fd = socket_, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = stop_pipe_[0], .events = POLLIN, .revents = 0}};
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) return;
    caller_.size = sizeof caller_.address;
    const ssize_t size = ::recvfrom(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&caller_.address), &caller_.size);
    if (size < 0) continue;
    std::vector<Bytes> so_far;
    {
      const std::lock_guard lock(mutex_);
      received_.emplace_back(buffer.begin(), buffer.begin() + size);
      so_far = received_;
    }
    for (const Bytes& reply : behaviour_(*server_, so_far)) send(reply);
  }
}

Bytes echo(SingleServer& server, std::span<const std::uint8_t> datagram) {
  const SingleServer::Opened opened = server.open(datagram);
  PSSST_ASSERT(opened.drop == DropReason::kNone);
  const Bytes message(opened.message.begin(), opened.message.end());
  const auto reply = server.reply(message);
  PSSST_ASSERT(!reply.empty());
  return {reply.begin(), reply.end()};
}

bool has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return bound;
}

client::Endpoint closed_endpoint(const char* address) {
  client::Endpoint endpoint;
  ::close(bind_socket(address, endpoint));
  return endpoint;
}

}  // namespace pssst::test
