/// A backend of the handler `forward`, as a test plays it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/handler/forward_frame.hpp"

namespace pssst::server {

class BackendSocket {
 public:
  struct Request {
    std::vector<std::uint8_t> bytes;
    sockaddr_un from{};
    socklen_t from_size = 0;

    [[nodiscard]] std::uint64_t token() const { return read_u64(bytes.data() + 8); }
    [[nodiscard]] std::size_t metadata_size() const { return bytes[5]; }
    [[nodiscard]] std::string message() const {
      return {
          bytes.begin() + static_cast<std::ptrdiff_t>(kForwardRequestHeaderSize + metadata_size()),
          bytes.end()};
    }
  };

  /// Replaces what is left there of an earlier one.
  explicit BackendSocket(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  BackendSocket(const BackendSocket&) = delete;
  BackendSocket& operator=(const BackendSocket&) = delete;
  ~BackendSocket() { ::close(fd_); }

  /// What has come, the oldest.
  std::optional<Request> receive() {
    Request request;
    request.bytes.resize(4096);
    request.from_size = sizeof request.from;
    const ssize_t size = ::recvfrom(fd_, request.bytes.data(), request.bytes.size(), 0,
                                    reinterpret_cast<sockaddr*>(&request.from), &request.from_size);
    if (size < 0) return std::nullopt;
    request.bytes.resize(static_cast<std::size_t>(size));
    EXPECT_GE(request.bytes.size(), kForwardRequestHeaderSize);
    return request;
  }

  void send(const Request& to, std::span<const std::uint8_t> datagram) {
    EXPECT_EQ(::sendto(fd_, datagram.data(), datagram.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to.from), to.from_size),
              static_cast<ssize_t>(datagram.size()))
        << std::strerror(errno);
  }

  static std::vector<std::uint8_t> reply_datagram(std::uint64_t token, std::string_view text,
                                                  std::uint8_t kind = kForwardReply) {
    std::vector<std::uint8_t> datagram(kForwardReplyHeaderSize);
    std::copy(kForwardMagic.begin(), kForwardMagic.end(), datagram.begin());
    datagram[4] = kind;
    put_u64(token, datagram.data() + 8);
    datagram.insert(datagram.end(), text.begin(), text.end());
    return datagram;
  }
  void reply(const Request& to, std::string_view text) {
    send(to, reply_datagram(to.token(), text));
  }
  void no_reply(const Request& to) { send(to, reply_datagram(to.token(), "", kForwardNoReply)); }

 private:
  int fd_;
};

}  // namespace pssst::server
