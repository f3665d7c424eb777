/// The wall clock for workers.
#pragma once

#include <time.h>  // NOLINT(modernize-deprecated-headers): clock_gettime is POSIX, not <ctime>

#include <cstdint>

namespace pssst::base {

/// Seconds since 1970, as CLOCK_REALTIME_COARSE tells: at most a tick of the kernel (1 to 10 ms)
/// behind. Read from the kernel's shared page (vDSO) without a system call, whatever the clock
/// source; about as dear as a look into the first cache. Compared with a time that some thread
/// publishes, it cannot stop when that thread does; compared with the time stamp counter, it
/// follows when the operator or NTP sets the clock.
[[nodiscard]] inline std::int64_t unix_seconds_coarse() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec;
}

}  // namespace pssst::base
