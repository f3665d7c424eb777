#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "tools/compat_session.hpp"
#include "tools/exit_status.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDescription =
    "Check another implementation of PSSST, pipe to pipe.\n\n"
    "Speaks the compatibility programs' lines TAG:hex over standard input and output, client and "
    "server at once: keys and a plaintext, an anonymous and a client-authenticated request, and "
    "the replies to the peer's two. Whatever does not check out is said on standard error.";

constexpr const char* kFooter = R"(Exit status:
  0  the peer's requests and replies checked out
  1  something did not, or the peer left before it had replied
  2  wrong command line

Examples:
  mkfifo pipe
  pssst compat < pipe | ./compatibility.py > pipe
  pssst compat < pipe | pssst compat > pipe)";

/// More than any line of the protocol has.
constexpr std::size_t kLineSizeMax = 4096;
/// How long a peer may take to finish after it has answered us.
constexpr std::chrono::seconds kDrainTime{2};

/// Splits standard input into lines.
class LineReader {
 public:
  enum class Event { kLine, kEnd, kDeadline };

  /// The next line in `line`, valid until the next call.
  base::Result<Event> next(std::optional<Clock::time_point> deadline, std::string_view& line) {
    buffer_.erase(0, used_);
    used_ = 0;
    while (true) {
      const std::size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        line = std::string_view(buffer_).substr(0, end);
        used_ = end + 1;
        return Event::kLine;
      }
      if (buffer_.size() > kLineSizeMax) return base::fail("a line is too long", kWhere);
      auto event = fill(deadline);
      if (!event || *event != Event::kLine) return event;
    }
  }

 private:
  static constexpr const char* kWhere = "standard input";

  /// Appends what can be read at once: kLine, though it need not be a whole one.
  base::Result<Event> fill(std::optional<Clock::time_point> deadline) {
    if (deadline) {
      const auto left = *deadline - Clock::now();
      const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      const int ready = ::poll(&input, 1, static_cast<int>(std::max<long>(left_ms, 0)));
      if (ready == 0) return Event::kDeadline;
      if (ready < 0 && errno != EINTR) {
        return base::fail("cannot wait: " + base::describe_errno(errno), kWhere);
      }
      if (ready < 0) return Event::kLine;
    }
    std::array<char, kLineSizeMax> chunk{};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && errno != EINTR) {
      return base::fail("cannot read: " + base::describe_errno(errno), kWhere);
    }
    if (n == 0 && !buffer_.empty()) return base::fail("ends within a line", kWhere);
    if (n == 0) return Event::kEnd;
    if (n > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    return Event::kLine;
  }

  std::string buffer_;
  std::size_t used_ = 0;
};

/// A peer that has gone (EPIPE) may still have left lines for us to read.
void send_lines(std::string_view lines) {
  static_cast<void>(write_all(STDOUT_FILENO, lines));
}

base::Result<void> run_session(CompatSession& session) {
  LineReader reader;
  std::optional<Clock::time_point> deadline;
  send_lines(session.greeting());
  while (!session.finished()) {
    if (session.answered() && !deadline) deadline = Clock::now() + kDrainTime;
    if (deadline && Clock::now() >= *deadline) return {};
    std::string_view line;
    const auto event = reader.next(deadline, line);
    if (!event) return tl::unexpected(event.error());
    if (*event == LineReader::Event::kDeadline) return {};
    if (*event == LineReader::Event::kEnd) return session.handle_end();
    const auto lines = session.handle_line(line);
    if (!lines) return tl::unexpected(lines.error());
    send_lines(*lines);
  }
  return {};
}

int compat() {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  const auto session = CompatSession::create();
  if (!session) return report("compat", session.error());
  const auto result = run_session(**session);
  return result ? kExitOk : report("compat", result.error());
}

}  // namespace

Action configure_compat(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  return compat;
}

}  // namespace pssst::tools
