#include "server/system_call_filter.hpp"

#include <linux/if_tun.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace pssst::server {
namespace {

/// Resolved before the filter is loaded: a signal handler must not allocate.
std::array<std::array<char, 32>, 512> system_call_names;

/// A line put together without allocation; what does not fit is left out.
class Line {
 public:
  void add(std::string_view text) noexcept {
    size_ += text.copy(text_.data() + size_, text_.size() - size_);
  }
  void add(unsigned number) noexcept {
    std::array<char, 12> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    add({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  void print() const noexcept {
    // Nobody is left to be told if it fails.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text_.data(), size_);
  }

 private:
  std::array<char, 128> text_{};
  std::size_t size_ = 0;
};

[[noreturn]] void end_forbidden(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const auto number = static_cast<unsigned>(info->si_syscall);
  Line line;
  line.add("pssstd: system call ");
  line.add(number);
  if (number < system_call_names.size() && system_call_names[number][0] != '\0') {
    line.add(" (");
    line.add(system_call_names[number].data());
    line.add(")");
  }
  line.add(" is not allowed (seccomp)\n");
  line.print();
  ::_exit(kForbiddenSystemCall);
}

void resolve_names() {
  for (std::size_t number = 0; number < system_call_names.size(); ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)), std::free);
    // The last byte stays zero.
    if (name) std::string_view(name.get()).copy(system_call_names[number].data(), 31);
  }
}

/// What any serving process may have a use for, whatever its arguments. By use, not by order:
/// files, sockets, waiting, memory, threads and time, who we are. Besides the ports they serve
/// reloads, the control socket, HTTP, the log, notices to systemd, DPDK's telemetry and SQLite.
// clang-format off
constexpr const char* kCommon[] = {
    "access", "chmod", "chown", "close", "dup", "faccessat", "faccessat2", "fadvise64", "fallocate",
    "fchmod", "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "flock", "fstat", "fstatfs",
    "fsync", "ftruncate", "getcwd", "getdents64", "lchown", "lseek", "lstat", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "stat", "statfs", "statx",
    "umask", "unlink", "unlinkat", "write", "writev",

    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",

    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd2", "pipe2", "poll", "ppoll", "pselect6", "restart_syscall", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "select",
    "sigaltstack", "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",

    "brk", "get_mempolicy", "madvise", "membarrier", "memfd_create", "mlock", "mlock2", "mremap",
    "msync", "munlock", "munmap",

    "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "getcpu",
    "gettid", "gettimeofday", "nanosleep", "rseq", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "sched_setaffinity", "sched_yield", "set_robust_list", "time",

    "capget", "getegid", "geteuid", "getgid", "getgroups", "getpid", "getppid", "getrandom",
    "getresgid", "getresuid", "getrusage", "getuid", "sysinfo", "uname",
};
// clang-format on

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_TRAP), seccomp_release) {
    if (!context_) failure_ = -ENOMEM;
  }

  template <class... Conditions>
  void allow(const char* name, Conditions... conditions) {
    add(SCMP_ACT_ALLOW, name, conditions...);
  }
  template <class... Conditions>
  void add(std::uint32_t action, const char* name, Conditions... conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    // Negative: this architecture has no such call.
    if (failure_ != 0 || number < 0) return;
    failure_ =
        seccomp_rule_add(context_.get(), action, number, sizeof...(conditions), conditions...);
  }
  int load() {
    if (failure_ == 0) failure_ = seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (failure_ == 0) failure_ = seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_NNP, 1);
    if (failure_ == 0) failure_ = seccomp_load(context_.get());
    return -failure_;
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failure_ = 0;
};

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

void allow_ioctl(Filter& filter, unsigned long request) {
  filter.allow("ioctl", masked(1, 0xffffffff, request));
}

void allow_socket(Filter& filter, int family) {
  filter.allow("socket", masked(0, 0xffffffff, static_cast<scmp_datum_t>(family)));
}

/// Nothing becomes executable, but for the code of handlers: that of a file, never written through
/// the same mapping. An error, not the end: the C library may look for a plug-in (of the name
/// service, say), and goes on without it.
void allow_memory(Filter& filter, bool libraries) {
  constexpr scmp_datum_t kRefuse = SCMP_ACT_ERRNO(EACCES);
  constexpr scmp_datum_t kCode = PROT_EXEC | PROT_WRITE;
  for (const char* name : {"mmap", "mprotect"}) filter.allow(name, masked(2, PROT_EXEC, 0));
  filter.add(kRefuse, "mprotect", masked(2, PROT_EXEC, PROT_EXEC));
  if (!libraries) return filter.add(kRefuse, "mmap", masked(2, PROT_EXEC, PROT_EXEC));
  filter.allow("mmap", masked(2, kCode, PROT_EXEC), masked(3, MAP_ANONYMOUS, 0));
  filter.add(kRefuse, "mmap", masked(2, kCode, PROT_EXEC), masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
  filter.add(kRefuse, "mmap", masked(2, kCode, kCode));
}

void allow_threads(Filter& filter) {
  // Threads only. The C library falls back from clone3, whose flags a filter cannot see.
  constexpr scmp_datum_t kThread = CLONE_THREAD | CLONE_VM;
  filter.allow("clone", masked(0, kThread, kThread));
  filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  filter.allow("tgkill", equals(0, static_cast<scmp_datum_t>(getpid())));
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE}) {
    filter.allow("prctl", masked(0, 0xffffffff, static_cast<scmp_datum_t>(option)));
  }
  filter.allow("prlimit64", equals(2, 0));  // to read
}

void allow_common(Filter& filter, bool libraries) {
  for (const char* name : kCommon) filter.allow(name);
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) allow_socket(filter, family);
  allow_memory(filter, libraries);
  allow_threads(filter);
  for (const unsigned request : {unsigned{FIONREAD}, unsigned{FIONBIO}, unsigned{TCGETS}})
    allow_ioctl(filter, request);
  filter.allow("ioctl", masked(1, 0xffffff00, 0x8900));  // of sockets and interfaces
}

void allow_dpdk(Filter& filter) {
  allow_socket(filter, AF_PACKET);
  // Memory of a node, more of it, and drivers' messages, which are caught.
  for (const char* name : {"dup2", "mbind", "set_mempolicy"}) filter.allow(name);
  for (const unsigned long request :
       {TUNSETIFF, TUNGETIFF, TUNGETFEATURES, TUNSETPERSIST, TUNSETOFFLOAD, TUNSETCARRIER}) {
    allow_ioctl(filter, request);
  }
  filter.allow("ioctl", masked(1, 0xff00, 0x3b00));  // VFIO
  filter.allow("ioctl", masked(1, 0xff00, 0xaf00));  // vhost
}

bool uses_af_xdp(const Configuration& configuration) {
  const auto& vdevs = configuration.dpdk.vdevs;
  return configuration.port == PortKind::kDpdk &&
         std::any_of(vdevs.begin(), vdevs.end(),
                     [](const std::string& vdev) { return vdev.starts_with("net_af_xdp"); });
}

void allow_af_xdp(Filter& filter) {
  allow_socket(filter, AF_XDP);
  filter.allow("bpf");
}

}  // namespace

bool can_filter_system_calls() noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

base::Result<void> filter_system_calls(const Configuration& configuration) {
  resolve_names();
  struct sigaction handler {};
  handler.sa_sigaction = end_forbidden;
  handler.sa_flags = SA_SIGINFO;
  sigfillset(&handler.sa_mask);
  if (sigaction(SIGSYS, &handler, nullptr) != 0) {
    return base::fail(base::describe_errno(errno), "sigaction SIGSYS");
  }
  Filter filter;
  allow_common(filter, uses_libraries(configuration));
  if (configuration.port == PortKind::kDpdk) allow_dpdk(filter);
  if (uses_af_xdp(configuration)) allow_af_xdp(filter);
  if (const int failed = filter.load(); failed != 0) {
    return base::fail("the system call filter could not be loaded: " + base::describe_errno(failed),
                      "seccomp", "run on a kernel with CONFIG_SECCOMP_FILTER, or set seccomp off");
  }
  return {};
}

}  // namespace pssst::server
