#include "server/echo_backend.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "server/handler/forward_frame.hpp"

namespace pssst::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kSpace = 2048;  // more than any request takes
constexpr suseconds_t kPatienceUs = 20'000;

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "pssst-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make the folder " + name);
  return name;
}

/// Datagrams, and where they came from.
struct Batch {
  std::vector<std::array<std::uint8_t, kSpace>> bytes{kBatch};
  std::array<sockaddr_un, kBatch> peers{};
  std::array<std::array<iovec, 2>, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};

  void empty() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i][0] = {bytes[i].data(), bytes[i].size()};
      messages[i] = {};
      messages[i].msg_hdr.msg_name = &peers[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
      messages[i].msg_hdr.msg_iov = parts[i].data();
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// Request `i` becomes its reply: magic and token stand where they stood.
  void answer(std::size_t i) {
    const std::size_t size = std::max<std::size_t>(messages[i].msg_len,  // never less: pssstd's own
                                                   server::kForwardRequestHeaderSize);
    std::memset(bytes[i].data() + server::kForwardMagic.size(), 0, 4);
    parts[i][0] = {bytes[i].data(), server::kForwardReplyHeaderSize};
    parts[i][1] = {bytes[i].data() + server::kForwardRequestHeaderSize,
                   size - server::kForwardRequestHeaderSize};
    messages[i].msg_hdr.msg_iovlen = 2;
  }
};

}  // namespace

EchoBackend::EchoBackend(BackendState state)
    : folder_(make_folder()), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path().copy(address.sun_path, sizeof address.sun_path - 1);
  const timeval patience{.tv_sec = 0, .tv_usec = kPatienceUs};
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    throw std::runtime_error("cannot make the socket " + path());
  }
  if (state == BackendState::kAnswering) thread_ = std::thread([this] { echo(); });
}

EchoBackend::~EchoBackend() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void EchoBackend::echo() const {
  Batch batch;
  while (!stop_) {
    batch.empty();
    const int n = ::recvmmsg(socket_.get(), batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < n; ++i) batch.answer(static_cast<std::size_t>(i));
    for (int sent = 0; sent < n;) {
      const int more = ::sendmmsg(socket_.get(), &batch.messages[static_cast<std::size_t>(sent)],
                                  static_cast<unsigned>(n - sent), 0);
      if (more <= 0) break;  // the server has gone
      sent += more;
    }
  }
}

}  // namespace pssst::bench
