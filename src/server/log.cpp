#include "server/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <utility>

namespace pssst::server {
namespace {

constexpr const char* kName = "pssstd";
constexpr const char* kJournal = "/run/systemd/journal/socket";

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kDebug:
      return spdlog::level::debug;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (options.target == LogTarget::kJournal) {
    sink = std::make_shared<spdlog::sinks::systemd_sink_mt>(kName);
    sink->set_pattern("%v");
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_pattern("pssstd: %v");
  }
  auto logger = std::make_shared<spdlog::logger>(kName, std::move(sink));
  logger->set_level(to_spdlog(options.level));
  logger->flush_on(spdlog::level::trace);
  // There is nowhere to complain.
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

/// Made at the first use, for lines before start_log().
std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger = make_logger({});
  return logger;
}

}  // namespace

base::Result<void> start_log(const LogOptions& options) {
  if (options.target == LogTarget::kJournal && ::access(kJournal, W_OK) != 0) {
    return base::fail("there is no journal to write to", kJournal,
                      "set the log's target to stderr");
  }
  std::atomic_store(&current(), make_logger(options));
  return {};
}

void set_log_level(LogLevel level) {
  std::atomic_load(&current())->set_level(to_spdlog(level));
}

void log_line(LogLevel level, std::string_view text) {
  std::string line(level == LogLevel::kWarning ? "warning: " : "");
  line += text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  std::atomic_load(&current())->log(to_spdlog(level), spdlog::string_view_t(line));
}

bool LimitedLog::write_at(Clock::time_point now, LogLevel level, std::string_view text) {
  std::uint64_t held_back = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lines_ > 0 && now - interval_began_ >= interval_) lines_ = 0;
    if (lines_ == 0) interval_began_ = now;
    if (lines_ == lines_max_) {
      ++held_back_;
      return false;
    }
    ++lines_;
    held_back = std::exchange(held_back_, 0);
  }
  std::string line(text);
  if (held_back > 0) line += " (and " + std::to_string(held_back) + " such before it, not shown)";
  log_line(level, line);
  return true;
}

}  // namespace pssst::server
