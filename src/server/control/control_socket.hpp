/// The Unix socket at which a running server is told what to do.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "server/appliance.hpp"
#include "server/config/configuration.hpp"
#include "server/log.hpp"

namespace pssst::server {

/// A connection carries one request, a line, and one answer, to the end of the stream
/// (control_commands.hpp). They are served one after the other by one thread; whoever has
/// not written the request within a second, reads nothing of the answer for as long, or has not
/// read it within five is hung up on. Only root, the server's own user and those configured are
/// answered: the kernel says who they are (SO_PEERCRED). Others are told so, and it is logged.
class ControlSocket {
 public:
  /// Makes the socket with its mode, in place of one that nobody listens at any more, and starts
  /// the thread. Fails if somebody listens there, or if a user does not exist. Call it before
  /// privileges are dropped to `own_user`, whom the socket is given to; "": it stays ours.
  static base::Result<std::unique_ptr<ControlSocket>> start(const ControlOptions& options,
                                                            const std::string& own_user,
                                                            Appliance& appliance);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  /// Ends the thread, after the answer that it is about to give, and removes the socket.
  ~ControlSocket();

 private:
  ControlSocket(std::string path, base::FileDescriptor listener, base::FileDescriptor wake,
                std::vector<uid_t> users, Appliance& appliance);

  void run();
  void serve(const base::FileDescriptor& connection);
  [[nodiscard]] std::string answer(int connection);

  const std::string path_;
  const base::FileDescriptor listener_;
  const base::FileDescriptor wake_;  ///< readable: end
  const std::vector<uid_t> users_;
  Appliance& appliance_;
  LimitedLog refusals_;
  std::thread thread_;
};

}  // namespace pssst::server
