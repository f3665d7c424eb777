/// A terminal to draw on, again and again.
#pragma once

#include <termios.h>
#include <csignal>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "tools/top/screen.hpp"

namespace pssst::tools::top {

/// Standard output's size, 80 by 24 if it does not say; nothing if it is no terminal.
[[nodiscard]] std::optional<ScreenSize> terminal_size();

/// The whole screen, as long as it lives: another page than what was there before, which comes back
/// with the cursor and the keyboard's settings when it is gone. Takes SIGINT, SIGTERM and SIGHUP
/// away from the process.
class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  /// Over what is there, without flicker.
  base::Result<void> draw(std::span<const std::string> lines);
  /// Until then, or until somebody wants to leave: 'q', Ctrl-C or one of the signals. True: leave.
  [[nodiscard]] bool wait(double seconds);

 private:
  sigset_t signals_before_{};
  int signals_ = -1;
  std::optional<termios> keyboard_before_;
};

}  // namespace pssst::tools::top
