/// The server that one would write otherwise: recvmmsg, OpenSSL, sendmmsg, one thread a core. It
/// answers anonymous requests of suite 1 with their message, and is what pssstd is compared with.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/hex.hpp"
#include "base/secret_memory.hpp"
#include "baseline/session.hpp"
#include "identity/key_file.hpp"
#include "pssst/wire.hpp"

namespace pssst::bench {
namespace {

constexpr std::size_t kBatchMax = 64;
constexpr int kBufferSize = 4 * 1024 * 1024;

struct Arguments {
  std::string address = "127.0.0.1";
  std::uint16_t udp_port = 0;
  std::string key_file;
  std::vector<unsigned> cpus{0};
};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int make_socket(const Arguments& arguments) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(arguments.udp_port);
  if (::inet_pton(AF_INET, arguments.address.c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + arguments.address);
  }
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int one = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) fail("SO_REUSEPORT");
  // More than the limit for everybody, where we may have it.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferSize, sizeof kBufferSize) != 0) {
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBufferSize, sizeof kBufferSize));
  }
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

/// One thread's socket and session, and a batch of datagrams.
class Thread {
 public:
  Thread(int fd, std::span<const std::uint8_t, 32> private_key) : fd_(fd), session_(private_key) {
    for (std::size_t i = 0; i < kBatchMax; ++i) {
      request_vectors_[i] = {requests_[i].data(), requests_[i].size()};
      received_[i].msg_hdr.msg_name = &peers_[i];
      received_[i].msg_hdr.msg_iov = &request_vectors_[i];
      received_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  [[noreturn]] void serve() {
    for (;;) answer(receive());
  }

 private:
  std::size_t receive() {
    for (;;) {
      for (mmsghdr& message : received_) message.msg_hdr.msg_namelen = sizeof(sockaddr_in);
      const int n = ::recvmmsg(fd_, received_.data(), kBatchMax, MSG_WAITFORONE, nullptr);
      if (n > 0) return static_cast<std::size_t>(n);
      // Else a report of ICMP, cleared by the call, or a signal.
    }
  }

  void answer(std::size_t n) {
    unsigned replies = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t size =
          session_.echo(std::span(requests_[i]).first(received_[i].msg_len), replies_[replies]);
      if (size == 0) continue;
      reply_vectors_[replies] = {replies_[replies].data(), size};
      sent_[replies].msg_hdr = {};
      sent_[replies].msg_hdr.msg_name = &peers_[i];
      sent_[replies].msg_hdr.msg_namelen = sizeof peers_[i];
      sent_[replies].msg_hdr.msg_iov = &reply_vectors_[replies];
      sent_[replies].msg_hdr.msg_iovlen = 1;
      ++replies;
    }
    for (unsigned done = 0; done < replies;) {
      const int n_sent = ::sendmmsg(fd_, &sent_[done], replies - done, 0);
      done += n_sent > 0 ? static_cast<unsigned>(n_sent) : 1;
    }
  }

  using Datagram = std::array<std::uint8_t, kDatagramSizeMax>;

  int fd_;
  BaselineSession session_;
  std::array<Datagram, kBatchMax> requests_{};
  std::array<Datagram, kBatchMax> replies_{};
  std::array<sockaddr_in, kBatchMax> peers_{};
  std::array<iovec, kBatchMax> request_vectors_{};
  std::array<iovec, kBatchMax> reply_vectors_{};
  std::array<mmsghdr, kBatchMax> received_{};
  std::array<mmsghdr, kBatchMax> sent_{};
};

void pin(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

int run(int argc, char** argv) {
  CLI::App app("A plain PSSST server: recvmmsg, OpenSSL, sendmmsg. Echoes anonymous requests.",
               "pssst_baseline");
  Arguments arguments;
  app.add_option("--address", arguments.address, "Local IPv4 address");
  app.add_option("--port", arguments.udp_port, "UDP port")->required();
  app.add_option("--key", arguments.key_file, "File of the private key")->required();
  app.add_option("--cpus", arguments.cpus, "CPUs, a thread each");
  CLI11_PARSE(app, argc, argv);

  static_cast<void>(base::disable_core_dumps());
  const auto key = identity::read_private_key(arguments.key_file);
  if (!key) throw std::runtime_error(key.error().to_string());
  std::vector<std::thread> threads;
  for (const unsigned cpu : arguments.cpus) {
    threads.emplace_back([fd = make_socket(arguments), cpu, &key] {
      pin(cpu);
      std::make_unique<Thread>(fd, key->bytes())->serve();
    });
  }
  static_cast<void>(std::fprintf(stderr, "pssst_baseline: ready\n"));
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  return pssst::bench::run(argc, argv);
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "pssst_baseline: %s\n", error.what()));
  return 1;
}
