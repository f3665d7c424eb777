#include "server/control/control_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>

#include "base/file_descriptor.hpp"

namespace pssst::server {
namespace {

std::string remedy_for(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ECONNREFUSED:
      return "is the server running, with a control socket there?";
    case EACCES:
      return "ask as root, as the server's user, or as one that its configuration names";
    default:
      return {};
  }
}

base::Result<base::FileDescriptor> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail("not a path of a Unix socket", path);
  }
  path.copy(address.sun_path, path.size());
  base::FileDescriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    const int why = errno;
    return base::fail("cannot reach the server: " + base::describe_errno(why), path,
                      remedy_for(why));
  }
  return connection;
}

}  // namespace

base::Result<ControlAnswer> ask_control(const std::string& socket, std::string_view request) {
  const auto connection = connect_to(socket);
  if (!connection) return tl::unexpected(connection.error());
  const std::string line = std::string(request) + "\n";
  // One that hangs up at once may have answered all the same.
  static_cast<void>(::send(connection->get(), line.data(), line.size(), MSG_NOSIGNAL));
  std::string bytes;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t n = ::recv(connection->get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ControlAnswer answer;
  if (!decode_answer(bytes, answer)) {
    return base::fail("the server hung up without an answer", socket, "look at its log");
  }
  return answer;
}

}  // namespace pssst::server
