#include "tools/top/terminal.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <chrono>

namespace pssst::tools::top {
namespace {

/// A child on a terminal of its own. This process keeps both ends: what the child says last would
/// be lost with it.
class TerminalTest : public testing::Test {
 protected:
  TerminalTest() {
    winsize size{};
    size.ws_row = 30;
    size.ws_col = 90;
    EXPECT_EQ(openpty(&end_, &other_, nullptr, nullptr, &size), 0);
  }
  ~TerminalTest() override {
    if (child_ > 0) kill(child_, SIGKILL);
    if (child_ > 0) waitpid(child_, nullptr, 0);
    close(end_);
    close(other_);
  }

  /// `body` returns the child's exit status.
  void start(int (*body)()) {
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) _exit(login_tty(other_) == 0 ? body() : 99);
  }
  /// Reads until this has come.
  std::string read_until(const std::string& wanted) const {
    std::string text;
    std::array<char, 1024> part{};
    pollfd input{.fd = end_, .events = POLLIN, .revents = 0};
    while (text.find(wanted) == std::string::npos && poll(&input, 1, 10'000) == 1) {
      const ssize_t size = read(end_, part.data(), part.size());
      if (size <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(size));
    }
    EXPECT_NE(text.find(wanted), std::string::npos) << text;
    return text;
  }
  void press(const std::string& keys) const {
    EXPECT_EQ(write(end_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  int status() {
    int status = 0;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  pid_t child_ = -1;
  int end_ = -1;
  int other_ = -1;
};

int wait_long() {
  Terminal terminal;
  const std::array<std::string, 2> lines{"first", "second"};
  if (!terminal.draw(lines)) return 2;
  return terminal.wait(20) ? 0 : 1;
}

TEST_F(TerminalTest, HasASize) {
  start([] {
    const auto size = terminal_size();
    return size && size->width == 90 && size->height == 30 ? 0 : 1;
  });
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, HasTheUsualSizeIfItDoesNotSay) {
  start([] {
    const winsize unknown{};
    ioctl(STDOUT_FILENO, TIOCSWINSZ, &unknown);
    const auto size = terminal_size();
    return size && size->width == 80 && size->height == 24 ? 0 : 1;
  });
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, IsNoneWhereThereIsNone) {
  testing::internal::CaptureStdout();
  const auto size = terminal_size();
  testing::internal::GetCapturedStdout();
  EXPECT_FALSE(size);
}

TEST_F(TerminalTest, DrawsOverThePageAndGivesItBack) {
  start(wait_long);
  const std::string drawn = read_until("\x1b[J");
  EXPECT_EQ(drawn, "\x1b[?1049h\x1b[?25l\x1b[Hfirst\x1b[K\r\nsecond\x1b[K\x1b[J");
  press("q");
  EXPECT_EQ(read_until("\x1b[?1049l"), "\x1b[?25h\x1b[?1049l") << "what was pressed is not shown";
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, OtherKeysMeanNothing) {
  start([] {
    Terminal terminal;
    if (!terminal.draw({})) return 2;
    return terminal.wait(0.3) ? 1 : 0;
  });
  read_until("\x1b[J");
  press("x\n ");
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, SignalsLeaveInOrder) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    start(wait_long);
    read_until("\x1b[J");
    kill(child_, signal);
    read_until("\x1b[?1049l");
    EXPECT_EQ(status(), 0) << signal;
  }
  start(wait_long);
  read_until("\x1b[J");
  press("\x03");  // Ctrl-C
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, GivesTheKeyboardBack) {
  start([] {
    termios before{};
    termios after{};
    tcgetattr(STDIN_FILENO, &before);
    { const Terminal terminal; }
    tcgetattr(STDIN_FILENO, &after);
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
    const bool same = before.c_lflag == after.c_lflag && (after.c_lflag & ICANON) != 0;
    return same && sigismember(&blocked, SIGINT) == 0 ? 0 : 1;
  });
  EXPECT_EQ(status(), 0);
}

}  // namespace
}  // namespace pssst::tools::top
