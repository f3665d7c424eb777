#include "tools/identity/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "tools/load/load_report.hpp"
#include "tools/stream.hpp"

namespace pssst::tools {
namespace {

constexpr std::size_t kBarColumns = 24;
constexpr const char* kClearLine = "\r\x1b[K";

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
  std::string text(filled, '=');
  if (filled < kBarColumns) text += '>';
  text.resize(kBarColumns, ' ');
  return "[" + text + "] ";
}

}  // namespace

std::string progress_text(std::uint64_t bytes, std::uint64_t bytes_total, std::uint64_t lines,
                          double seconds) {
  std::string text;
  const double share =
      bytes_total == 0
          ? 0
          : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(bytes_total));
  if (bytes_total > 0) {
    text += bar(share) + std::to_string(static_cast<int>(share * 100)) + " %, ";
  }
  text += load::grouped(lines) + " lines";
  if (seconds <= 0 || lines == 0) return text;
  text +=
      ", " + load::grouped(static_cast<std::uint64_t>(static_cast<double>(lines) / seconds)) + "/s";
  if (share > 0) {
    const double left = std::ceil(seconds / share * (1 - share));
    text += ", " + load::grouped(static_cast<std::uint64_t>(left)) + " s left";
  }
  return text;
}

ProgressBar::ProgressBar(std::uint64_t bytes_total)
    : bytes_total_(bytes_total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::draw(std::uint64_t bytes, std::uint64_t lines) {
  const Clock::time_point now = Clock::now();
  if (!is_terminal_ || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  // A bar is no loss.
  static_cast<void>(
      write_all(STDERR_FILENO, kClearLine + progress_text(bytes, bytes_total_, lines, seconds)));
}

void ProgressBar::clear() {
  if (shown_) static_cast<void>(write_all(STDERR_FILENO, kClearLine));
  shown_ = false;
}

}  // namespace pssst::tools
