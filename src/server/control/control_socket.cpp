#include "server/control/control_socket.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

#include "server/account.hpp"
#include "server/control/control_commands.hpp"

namespace pssst::server {
namespace {

constexpr int kBacklog = 16;
/// For all of a request; and for each step of an answer, and all of it.
constexpr std::chrono::seconds kRequestMax{1};
constexpr std::chrono::seconds kAnswerStepMax{1};
constexpr std::chrono::seconds kAnswerMax{5};
constexpr int kWithoutDescriptorsMs = 100;
using Clock = std::chrono::steady_clock;

base::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail("not a path for a Unix socket: 1 to " +
                          std::to_string(sizeof address.sun_path - 1) + " bytes",
                      path);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

const sockaddr* any(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

base::Result<uid_t> find_user(const std::string& name) {
  const std::string where = "user " + name;
  const auto found = find_account(name, where);
  if (!found) return tl::unexpected(found.error());
  if (*found) return (*found)->user;
  return base::fail("no such user", where, "create it (useradd --system) or name another");
}

/// Takes away a socket that nobody listens at.
base::Result<void> clear_place(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return base::fail("there is something else than a socket", path, "name another path");
  }
  const base::FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), any(address), sizeof address) == 0) {
    return base::fail("a server listens there already", path, "stop it, or name another path");
  }
  if (errno != ECONNREFUSED || ::unlink(path.c_str()) != 0) {
    return base::fail("cannot take away the socket that is there: " + base::describe_errno(errno),
                      path);
  }
  return {};
}

base::Result<base::FileDescriptor> listen_at(const ControlOptions& options) {
  const auto address = address_of(options.socket);
  if (!address) return tl::unexpected(address.error());
  if (auto clear = clear_place(options.socket, *address); !clear) {
    return tl::unexpected(clear.error());
  }
  base::FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // For nobody at first, whatever the umask is.
  const mode_t umask_before = ::umask(0777);
  const bool bound = ::bind(listener.get(), any(*address), sizeof *address) == 0;
  const int why = errno;
  ::umask(umask_before);
  if (!bound) {
    return base::fail("cannot make the control socket: " + base::describe_errno(why),
                      options.socket,
                      why == ENOENT ? "make its directory first (RuntimeDirectory= of systemd)"
                                    : "let the server write to its directory");
  }
  return listener;
}

/// Its owner and mode, and then the first connection may come.
base::Result<void> open_to_users(const base::FileDescriptor& listener,
                                 const ControlOptions& options, const std::string& own_user) {
  const char* const path = options.socket.c_str();
  if (!own_user.empty() && ::geteuid() == 0) {
    const auto owner = find_user(own_user);
    if (!owner) return tl::unexpected(owner.error());
    if (::lchown(path, *owner, static_cast<gid_t>(-1)) != 0) {
      return base::fail(
          "cannot give the control socket to " + own_user + ": " + base::describe_errno(errno),
          options.socket);
    }
  }
  if (::chmod(path, options.mode) != 0 || ::listen(listener.get(), kBacklog) != 0) {
    return base::fail("cannot open the control socket: " + base::describe_errno(errno),
                      options.socket);
  }
  return {};
}

/// False: there is nothing to be read, or no room to write, until then.
bool await(int connection, short events, Clock::time_point until) {
  pollfd awaited{.fd = connection, .events = events, .revents = 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left <= std::chrono::milliseconds(0)) return false;
    const int n = ::poll(&awaited, 1, static_cast<int>(left.count()));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

/// Without its end; empty if none came whole.
std::string read_request(int connection) {
  const Clock::time_point until = Clock::now() + kRequestMax;
  std::array<char, kControlRequestSizeMax> bytes{};
  std::size_t size = 0;
  while (size < bytes.size() && await(connection, POLLIN, until)) {
    const ssize_t n = ::recv(connection, bytes.data() + size, bytes.size() - size, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
    const std::string_view text(bytes.data(), size);
    if (const std::size_t end = text.find('\n'); end != std::string_view::npos) {
      return std::string(text.substr(0, end));
    }
  }
  return {};
}

void write_all(int connection, std::string_view text) {
  const Clock::time_point until = Clock::now() + kAnswerMax;
  while (!text.empty() &&
         await(connection, POLLOUT, std::min(until, Clock::now() + kAnswerStepMax))) {
    const ssize_t n = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

base::Result<std::unique_ptr<ControlSocket>> ControlSocket::start(const ControlOptions& options,
                                                                  const std::string& own_user,
                                                                  Appliance& appliance) {
  std::vector<uid_t> users{0, ::geteuid()};
  for (const std::string& name : options.users) {
    const auto user = find_user(name);
    if (!user) return tl::unexpected(user.error());
    users.push_back(*user);
  }
  if (!own_user.empty()) {
    const auto user = find_user(own_user);
    if (!user) return tl::unexpected(user.error());
    users.push_back(*user);
  }
  auto listener = listen_at(options);
  if (!listener) return tl::unexpected(listener.error());
  if (auto opened = open_to_users(*listener, options, own_user); !opened) {
    ::unlink(options.socket.c_str());
    return tl::unexpected(opened.error());
  }
  base::FileDescriptor wake(::eventfd(0, EFD_CLOEXEC));
  if (wake.get() < 0) return base::fail("no eventfd: " + base::describe_errno(errno));
  std::unique_ptr<ControlSocket> socket(new ControlSocket(
      options.socket, *std::move(listener), std::move(wake), std::move(users), appliance));
  try {
    socket->thread_ = std::thread([raw = socket.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return base::fail(std::string("cannot start a thread: ") + error.what(), "control socket");
  }
  return socket;
}

ControlSocket::ControlSocket(std::string path, base::FileDescriptor listener,
                             base::FileDescriptor wake, std::vector<uid_t> users,
                             Appliance& appliance)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      users_(std::move(users)),
      appliance_(appliance) {}

ControlSocket::~ControlSocket() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
  if (thread_.joinable()) thread_.join();
  // In a directory that is not its user's it stays, and the next server takes it away.
  ::unlink(path_.c_str());
}

void ControlSocket::run() {
  pthread_setname_np(pthread_self(), "pssst-control");
  std::array<pollfd, 2> waited{{{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    if (waited[1].revents != 0) return;
    const base::FileDescriptor connection(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0) {
      serve(connection);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // It stays there to be taken, and poll() would say so at once.
      static_cast<void>(::poll(&waited[1], 1, kWithoutDescriptorsMs));
    }
  }
}

void ControlSocket::serve(const base::FileDescriptor& connection) {
  try {
    write_all(connection.get(), answer(connection.get()));
  } catch (const std::exception& error) {
    log_error(std::string("control socket: ") + error.what());
  }
}

std::string ControlSocket::answer(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  const std::string request = read_request(connection);
  if (std::ranges::find(users_, peer.uid) == users_.end()) {
    const std::string user = "user " + std::to_string(peer.uid);
    refusals_.write(LogLevel::kWarning, "control socket: " + user + " (process " +
                                            std::to_string(peer.pid) + ") was refused");
    return encode_answer({.is_good = false,
                          .text = user + " may not control this server; control.users in its "
                                         "configuration says who may\n"});
  }
  return encode_answer(answer_control(appliance_, request));
}

}  // namespace pssst::server
