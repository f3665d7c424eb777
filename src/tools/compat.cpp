#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tools/compat_session.hpp"
#include "tools/exit_status.hpp"
#include "tools/key_argument.hpp"
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
  pssst compat < pipe | pssst compat > pipe
  pssst compat --self-test --suite 0xf002)";

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

/// Takes every line of `text`; the lines to send.
base::Result<std::string> hear(CompatSession& session, std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    auto more = session.handle_line(text.substr(0, end));
    if (!more) return more;
    lines += *more;
    text.remove_prefix(end + 1);
  }
  return lines;
}

/// Two sessions, each the other's peer.
base::Result<void> run_self_test(CompatSession& a, CompatSession& b) {
  std::string from_a = a.greeting();
  std::string from_b = b.greeting();
  while (!from_a.empty() || !from_b.empty()) {
    auto to_a = hear(b, std::exchange(from_a, {}));
    if (!to_a) return tl::unexpected(to_a.error());
    from_b += *to_a;
    auto to_b = hear(a, std::exchange(from_b, {}));
    if (!to_b) return tl::unexpected(to_b.error());
    from_a = std::move(*to_b);
  }
  if (a.finished() && b.finished()) return {};
  return base::fail("the two sides did not come to an end");
}

struct Arguments {
  std::string suite = "1";
  std::string label;
  bool self_test = false;
};

int compat(const Arguments& arguments) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  const auto suite = parse_suite(arguments.suite);
  if (!suite) {
    static_cast<void>(report("compat", suite.error()));
    return kExitUsage;
  }
  const KeyUse use{.suite = *suite, .label = arguments.label};
  const auto session = CompatSession::create(use);
  if (!session) return report("compat", session.error());
  if (!arguments.self_test) {
    const auto result = run_session(**session);
    return result ? kExitOk : report("compat", result.error());
  }
  const auto peer = CompatSession::create(use);
  if (!peer) return report("compat", peer.error());
  const auto result = run_self_test(**session, **peer);
  return result ? kExitOk : report("compat", result.error());
}

}  // namespace

Action configure_compat(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("--suite", arguments->suite,
                 "1 (default) or 0xf002, whose peers speak the same lines.")
      ->option_text("SUITE");
  app.add_option("--label", arguments->label, "The label of both sides' keys of suite 0xF002.")
      ->option_text("NAME");
  app.add_flag("--self-test", arguments->self_test,
               "Read nothing: two sides in this process check each other.");
  return [arguments] { return compat(*arguments); };
}

}  // namespace pssst::tools
