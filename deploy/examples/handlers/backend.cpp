/// A backend of the handler `forward`: counts each client's messages and answers with the number.
///
///     backend /run/meters/backend.sock
///     handler = "forward", backends = ["/run/meters/backend.sock"]
///
/// src/server/handler/forward_frame.hpp says what it is sent and what it sends.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kHeaderSize = 48;
constexpr std::size_t kReplyHeaderSize = 16;
constexpr std::string_view kMagic = "PSF1";

/// Both ends of an exchange have the magic and the token in the same places.
std::string reply_to(std::string_view request, std::string_view text) {
  std::string reply(request.substr(0, kReplyHeaderSize));
  reply.replace(4, 4, 4, '\0');
  return reply.append(text);
}

int serve(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view name(path);
  if (name.size() >= sizeof address.sun_path) return 2;
  name.copy(address.sun_path, name.size());
  const int server = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ::unlink(path);
  if (server < 0 ||
      ::bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror(path);
    return 1;
  }
  std::map<std::string, unsigned long, std::less<>> seen;
  std::array<char, 4096> space;
  for (;;) {
    sockaddr_un from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = ::recvfrom(server, space.data(), space.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < static_cast<ssize_t>(kHeaderSize)) continue;
    const std::string_view request(space.data(), static_cast<std::size_t>(size));
    if (!request.starts_with(kMagic)) continue;
    const bool authenticated = (request[4] & 1) != 0;
    std::string client(authenticated ? request.substr(16, 32) : "anonymous");
    const std::string reply = reply_to(request, std::to_string(++seen[std::move(client)]));
    ::sendto(server, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from),
             from_size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return serve(argv[1]);
  std::cerr << "usage: " << argv[0] << " SOCKET\n";
  return 2;
}
