#include "server/log.hpp"

#include <gtest/gtest.h>

namespace pssst::server {
namespace {

using namespace std::chrono_literals;

/// What a function writes to standard error.
template <class Function>
std::string logged(Function function) {
  testing::internal::CaptureStderr();
  function();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, IsOneLineWhateverTheText) {
  EXPECT_EQ(logged([] { log_info("one\ntwo\x1b[31m {} %s"); }), "pssstd: one two [31m {} %s\n");
  EXPECT_EQ(logged([] { log_warning("beware"); }), "pssstd: warning: beware\n");
  EXPECT_EQ(logged([] { log_error("broken"); }), "pssstd: broken\n");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  EXPECT_EQ(logged([] { log_debug("details"); }), "");
  set_log_level(LogLevel::kError);
  EXPECT_EQ(logged([] {
              log_warning("beware");
              log_error("broken");
            }),
            "pssstd: broken\n");
  set_log_level(LogLevel::kDebug);
  EXPECT_EQ(logged([] { log_debug("details"); }), "pssstd: details\n");
  set_log_level(LogLevel::kInfo);
}

TEST(Log, LimitsLinesOfOneKind) {
  LimitedLog limited(2, 10s);
  const LimitedLog::Clock::time_point start(1h);
  const auto write = [&](std::chrono::seconds when) {
    return logged([&] { limited.write_at(start + when, LogLevel::kInfo, "refused"); });
  };
  EXPECT_EQ(write(0s), "pssstd: refused\n");
  EXPECT_EQ(write(1s), "pssstd: refused\n");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(write(2s), "");
  EXPECT_EQ(write(9s), "");
  EXPECT_EQ(write(10s), "pssstd: refused (and 101 such before it, not shown)\n");
  EXPECT_EQ(write(19s), "pssstd: refused\n");
  EXPECT_EQ(write(19s), "");
  EXPECT_EQ(write(20s), "pssstd: refused (and 1 such before it, not shown)\n");
}

}  // namespace
}  // namespace pssst::server
