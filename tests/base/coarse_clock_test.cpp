#include "base/coarse_clock.hpp"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

namespace pssst::base {
namespace {

TEST(CoarseClock, TellsTheTimeOfDay) {
  const std::int64_t before = std::time(nullptr) - 1;
  const std::int64_t now = unix_seconds_coarse();
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::time(nullptr));
}

TEST(CoarseClock, IsReadWithoutASystemCall) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(10);
    // From here on read, write and exit are the only system calls that do not kill.
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::syscall(SYS_exit, 77);
    std::int64_t sum = 0;
    for (int i = 0; i < 1000; ++i) sum += unix_seconds_coarse() > 0 ? 1 : 0;
    ::syscall(SYS_exit, sum == 1000 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace pssst::base
