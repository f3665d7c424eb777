/// The system calls that a serving process may make; any other ends it.
#pragma once

#include "base/error.hpp"
#include "server/config/configuration.hpp"

namespace pssst::server {

/// What a process exits with after a system call that is not on the list. Standard error has
/// "pssstd: system call 59 (execve) is not allowed (seccomp)".
constexpr int kForbiddenSystemCall = 3;

/// False in builds with a sanitizer, whose run-time library makes calls of its own.
[[nodiscard]] bool can_filter_system_calls() noexcept;

/// Loads the filter on every thread, for ever, with no_new_privs. The list depends on the kind of
/// port: packet sockets and devices only with DPDK, bpf only with net_af_xdp. Threads may be
/// started, processes and programs not. Opening files is not restricted to reading: the record of
/// reply functions is written by a reload. Memory that would be executable is refused (EACCES),
/// which is all that does not end the process: a library that is not loaded yet cannot be.
///
/// Where handlers come out of libraries a reload loads them again, so there code may be mapped that
/// stands in a file, read-only: who can make the server call mmap and has written a file could run
/// what is in it. Memory that was ever writable does not become executable in such a server either.
/// A server that starts without libraries gives nobody that way in, and lets none in later.
base::Result<void> filter_system_calls(const Configuration& configuration);

}  // namespace pssst::server
