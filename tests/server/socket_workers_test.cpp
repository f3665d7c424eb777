/// Workers over kernel sockets, on the loopback.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <memory>
#include <string>

#include "pssst/client.hpp"
#include "server/cpus.hpp"
#include "server/test_services.hpp"
#include "server/worker_group.hpp"

namespace pssst::server {
namespace {

class UdpSocket {
 public:
  UdpSocket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket() { close(fd_); }

  /// Binds to a free UDP port and returns it.
  std::uint16_t bind_any() {
    EXPECT_EQ(bind(fd_, address(), sizeof address_), 0);
    socklen_t size = sizeof address_;
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
    return ntohs(address_.sin_port);
  }
  void connect_to(std::uint16_t udp_port) {
    address_.sin_port = htons(udp_port);
    EXPECT_EQ(connect(fd_, address(), sizeof address_), 0);
  }
  void send(const Bytes& datagram) {
    EXPECT_EQ(::send(fd_, datagram.data(), datagram.size(), 0), ssize_t(datagram.size()));
  }
  Bytes receive() {
    Bytes datagram(2048);
    const ssize_t n = recv(fd_, datagram.data(), datagram.size(), 0);
    EXPECT_GE(n, 0);
    datagram.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return datagram;
  }

 private:
  [[nodiscard]] const sockaddr* address() const {
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  int fd_;
  sockaddr_in address_{};
};

class SocketWorkersTest : public testing::Test {
 protected:
  void prepare(std::uint16_t udp_port, std::size_t workers) {
    options_.services = {make_settings(udp_port, "echo")};
    options_.socket.addresses = {"127.0.0.1"};
    cpus_.assign(workers, allowed_cpus().front());
    handlers_ = std::make_unique<HandlerRuntime>(cpus_);
    snapshots_ = std::make_unique<Published<Snapshot>>(
        std::move(*Snapshot::create(services_of(make_service(udp_port, "echo", key_)), {})),
        workers);
  }
  static std::uint16_t free_udp_port() { return UdpSocket().bind_any(); }

  const PrivateKey key_ = PrivateKey::generate();
  Configuration options_;
  std::vector<unsigned> cpus_;
  std::unique_ptr<HandlerRuntime> handlers_;
  std::unique_ptr<Published<Snapshot>> snapshots_;
};

TEST_F(SocketWorkersTest, AnswerUntilStopped) {
  const std::uint16_t udp_port = free_udp_port();
  prepare(udp_port, 2);
  auto group = start_socket_workers(options_, cpus_, *snapshots_, *handlers_);
  ASSERT_TRUE(group) << group.error().to_string();
  EXPECT_EQ((*group)->describe_port(), "kernel sockets at 127.0.0.1");
  EXPECT_FALSE((*group)->x25519_kernel().empty());

  std::string error;
  const auto client = Client::create(key_.public_key(), nullptr, &error);
  ASSERT_NE(client, nullptr) << error;
  for (std::uint8_t i = 0; i < 20; ++i) {
    UdpSocket udp_socket;
    udp_socket.connect_to(udp_port);
    const Bytes message(i, i);
    Bytes datagram(message.size() + client->overhead_size());
    PendingRequest pending;
    ASSERT_EQ(client->seal(message, datagram, pending), datagram.size());
    udp_socket.send(datagram);
    const Bytes reply = udp_socket.receive();
    Bytes opened(reply.size());
    const auto result = client->open(reply, pending, opened);
    ASSERT_EQ(result.fault, ReplyFault::kNone);
    opened.resize(result.size);
    EXPECT_EQ(opened, message);
  }
  (*group)->stop();
  const Report report = collect_report((*group)->sources(), snapshots_->current());
  EXPECT_EQ(report.workers.size(), 2U);
  EXPECT_EQ(report.total.replied, 20U);
  EXPECT_EQ(report.total.pending, 0U);
  EXPECT_TRUE(report.balanced());
}

TEST_F(SocketWorkersTest, AUdpPortInUseIsNoticed) {
  UdpSocket other;
  prepare(other.bind_any(), 1);
  const auto group = start_socket_workers(options_, cpus_, *snapshots_, *handlers_);
  ASSERT_FALSE(group);
  EXPECT_FALSE(group.error().what.empty());
}

TEST_F(SocketWorkersTest, OneWorkerThatCannotStartStopsAll) {
  prepare(free_udp_port(), 2);
  cpus_[1] = 65535;
  const auto group = start_socket_workers(options_, cpus_, *snapshots_, *handlers_);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().where, "CPU 65535");
}

// A worker's thread has the rounding mode of the one that starts it. Wrong products of an avx2
// kernel that rounds otherwise would tell an attacker about the key.
TEST_F(SocketWorkersTest, DoNotStartWhereTheThreadRoundsOtherwiseThanToNearest) {
  prepare(free_udp_port(), 2);
  const unsigned before = _mm_getcsr();
  for (const unsigned mode : {_MM_ROUND_DOWN, _MM_ROUND_UP, _MM_ROUND_TOWARD_ZERO}) {
    _MM_SET_ROUNDING_MODE(mode);
    const auto group = start_socket_workers(options_, cpus_, *snapshots_, *handlers_);
    _mm_setcsr(before);
    ASSERT_FALSE(group);
    EXPECT_NE(group.error().to_string().find("does not round to nearest (MXCSR)"),
              std::string::npos)
        << group.error().to_string();
  }
  EXPECT_TRUE(start_socket_workers(options_, cpus_, *snapshots_, *handlers_));
}

TEST_F(SocketWorkersTest, AnUnknownKernelIsNamed) {
  prepare(free_udp_port(), 1);
  options_.x25519_kernel = "abacus";
  const auto group = start_socket_workers(options_, cpus_, *snapshots_, *handlers_);
  ASSERT_FALSE(group);
  EXPECT_NE(group.error().to_string().find("abacus"), std::string::npos);
}

}  // namespace
}  // namespace pssst::server
