/// A bar that tells how far a long import is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pssst::tools {

/// "[=====>    ] 52 %, 123,456 lines, 98,765/s, 12 s left"; without a bar and an end if
/// `bytes_total` is 0: nobody knows.
[[nodiscard]] std::string progress_text(std::uint64_t bytes, std::uint64_t bytes_total,
                                        std::uint64_t lines, double seconds);

/// Draws on standard error if that is a terminal, ten times a second at most, over what it drew
/// before.
class ProgressBar {
 public:
  explicit ProgressBar(std::uint64_t bytes_total);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// Takes it away.
  ~ProgressBar() { clear(); }

  void draw(std::uint64_t bytes, std::uint64_t lines);
  /// Makes way for another line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  const std::uint64_t bytes_total_;
  const bool is_terminal_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point drawn_{};
  bool shown_ = false;
};

}  // namespace pssst::tools
