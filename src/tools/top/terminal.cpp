#include "tools/top/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "tools/stream.hpp"

namespace pssst::tools::top {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kToLineEnd = "\x1b[K";
constexpr std::string_view kToScreenEnd = "\x1b[J";

/// Keys are read as they are pressed, and not shown. Nothing if the keyboard is no terminal.
std::optional<termios> take_keyboard() {
  termios before{};
  if (tcgetattr(STDIN_FILENO, &before) != 0) return std::nullopt;
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return std::nullopt;
  return before;
}

}  // namespace

std::optional<ScreenSize> terminal_size() {
  if (isatty(STDOUT_FILENO) == 0) return std::nullopt;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return ScreenSize{};
  }
  return ScreenSize{.width = size.ws_col, .height = size.ws_row};
}

Terminal::Terminal() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, &signals_before_);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  keyboard_before_ = take_keyboard();
  static_cast<void>(write_all(STDOUT_FILENO, kEnter));
}

Terminal::~Terminal() {
  static_cast<void>(write_all(STDOUT_FILENO, kLeave));
  if (keyboard_before_) tcsetattr(STDIN_FILENO, TCSANOW, &*keyboard_before_);
  if (signals_ >= 0) close(signals_);
  pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): on the page that it has taken
base::Result<void> Terminal::draw(std::span<const std::string> lines) {
  std::string text(kHome);
  for (const std::string& line : lines) {
    if (&line != lines.data()) text += '\n';
    (text += line) += kToLineEnd;
  }
  return write_all(STDOUT_FILENO, text += kToScreenEnd);
}

bool Terminal::wait(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(seconds));
  std::array<pollfd, 2> inputs{
      pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
      pollfd{.fd = keyboard_before_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    if (poll(inputs.data(), inputs.size(), static_cast<int>(left)) <= 0) continue;
    // Taken: it must not come again when signals are let through.
    signalfd_siginfo signal{};
    if (inputs[0].revents != 0 && read(signals_, &signal, sizeof signal) > 0) return true;
    char key = 0;
    if (inputs[1].revents != 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q')) return true;
  }
}

}  // namespace pssst::tools::top
