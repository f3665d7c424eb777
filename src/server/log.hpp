/// What the server says while it runs: lines for people, to standard error or the journal. Never
/// from a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// Where lines go from now on. Before the first call: to standard error, kInfo and above. Fails,
/// and changes nothing, if there is no journal to write to.
base::Result<void> start_log(const LogOptions& options);
void set_log_level(LogLevel level);

/// One line, whatever `text` holds: control characters become blanks. On standard error it begins
/// with "pssstd: ". Any thread may call.
void log_line(LogLevel level, std::string_view text);
inline void log_error(std::string_view text) {
  log_line(LogLevel::kError, text);
}
inline void log_warning(std::string_view text) {
  log_line(LogLevel::kWarning, text);
}
inline void log_info(std::string_view text) {
  log_line(LogLevel::kInfo, text);
}
inline void log_debug(std::string_view text) {
  log_line(LogLevel::kDebug, text);
}

/// Lines of one kind that others may cause: at most `lines_max` in each `interval`. The first line
/// after some were held back tells how many. Any thread may call.
class LimitedLog {
 public:
  using Clock = std::chrono::steady_clock;

  explicit LimitedLog(unsigned lines_max = 5,
                      std::chrono::seconds interval = std::chrono::seconds(10))
      : lines_max_(lines_max), interval_(interval) {}

  void write(LogLevel level, std::string_view text) { write_at(Clock::now(), level, text); }
  /// False: held back.
  bool write_at(Clock::time_point now, LogLevel level, std::string_view text);

 private:
  const unsigned lines_max_;
  const std::chrono::seconds interval_;
  std::mutex mutex_;
  Clock::time_point interval_began_{};
  unsigned lines_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace pssst::server
