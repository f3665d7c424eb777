/// What the kernel keeps per thread (capabilities, prctl), set on all threads of the process.
#pragma once

#include <string>

#include "base/error.hpp"

namespace pssst::server {

/// Runs `action` once on every thread: here, and on the others in a signal handler, so it must be
/// async-signal-safe. It returns 0 or an errno. Reads the threads from the kernel: those that
/// libraries started are reached too. (libpsx 2.66 knows only threads whose pthread_create was
/// linked against it: neither std::thread's nor EAL's.) Fails if an action fails, or if a thread
/// does not answer within two seconds; `what` names the action in the error. One call at a time.
base::Result<void> on_every_thread(int (*action)() noexcept, const std::string& what);

}  // namespace pssst::server
