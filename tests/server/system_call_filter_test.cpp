#include "server/system_call_filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "server/handler/library_file.hpp"
#include "server/libraries/test_libraries.hpp"

namespace pssst::server {
namespace {

/// Each death test runs in a forked child, which alone is filtered.
void filtered(PortKind port, void (*then)(), const char* vdev = "net_tap0") {
  Configuration configuration;
  configuration.port = port;
  if (port == PortKind::kDpdk) configuration.dpdk.vdevs = {vdev};
  if (!filter_system_calls(configuration)) _exit(99);
  then();
  _exit(0);
}

class SystemCallFilter : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_filter_system_calls()) GTEST_SKIP() << "a sanitizer's build";
  }
};

TEST_F(SystemCallFilter, NamesAForbiddenCall) {
  EXPECT_EXIT(filtered(PortKind::kSocket,
                       [] {
                         char* const none[] = {nullptr};
                         execve("/bin/true", none, none);
                       }),
              testing::ExitedWithCode(kForbiddenSystemCall),
              "pssstd: system call 59 \\(execve\\) is not allowed \\(seccomp\\)");
  EXPECT_EXIT(filtered(PortKind::kDpdk, [] { ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }),
              testing::ExitedWithCode(kForbiddenSystemCall), "\\(ptrace\\)");
}

TEST_F(SystemCallFilter, ForbidsByArgument) {
  EXPECT_EXIT(filtered(PortKind::kSocket, [] { socket(AF_PACKET, SOCK_RAW, 0); }),
              testing::ExitedWithCode(kForbiddenSystemCall), "\\(socket\\)");
  EXPECT_EXIT(filtered(PortKind::kSocket, [] { static_cast<void>(fork()); }),
              testing::ExitedWithCode(kForbiddenSystemCall), "\\(clone\\)");
}

TEST_F(SystemCallFilter, BpfIsForNetAfXdpAlone) {
  const auto use_bpf = [] { static_cast<void>(syscall(SYS_bpf, -1, nullptr, 0)); };
  EXPECT_EXIT(filtered(PortKind::kSocket, use_bpf), testing::ExitedWithCode(kForbiddenSystemCall),
              "\\(bpf\\)");
  EXPECT_EXIT(filtered(PortKind::kDpdk, use_bpf), testing::ExitedWithCode(kForbiddenSystemCall),
              "\\(bpf\\)");
  EXPECT_EXIT(filtered(PortKind::kDpdk, use_bpf, "net_af_xdp0,iface=a"), testing::ExitedWithCode(0),
              "");
}

TEST_F(SystemCallFilter, NeverLetsTheseThrough) {
  for (const int number : {SYS_execveat, SYS_vfork, SYS_process_vm_readv, SYS_keyctl, SYS_add_key,
                           SYS_mount, SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_setns,
                           SYS_unshare, SYS_setuid, SYS_capset, SYS_perf_event_open,
                           SYS_io_uring_setup, SYS_userfaultfd, SYS_kill, SYS_pkey_mprotect}) {
    static int forbidden;
    forbidden = number;
    EXPECT_EXIT(
        filtered(
            PortKind::kDpdk, [] { static_cast<void>(syscall(forbidden, -1, 0, 0, 0, 0, 0)); },
            "net_af_xdp0,iface=a"),
        testing::ExitedWithCode(kForbiddenSystemCall), "is not allowed")
        << number;
  }
}

TEST_F(SystemCallFilter, SignalsGoToOneselfOnly) {
  EXPECT_EXIT(filtered(PortKind::kSocket, [] { syscall(SYS_tgkill, 1, 1, 0); }),
              testing::ExitedWithCode(kForbiddenSystemCall), "\\(tgkill\\)");
  EXPECT_EXIT(filtered(PortKind::kSocket, [] { _exit(raise(0)); }), testing::ExitedWithCode(0), "");
}

TEST_F(SystemCallFilter, RefusesExecutableMemory) {
  EXPECT_EXIT(filtered(PortKind::kSocket,
                       [] {
                         constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
                         void* const page =
                             mmap(nullptr, 4096, PROT_READ | PROT_WRITE, kAnonymous, -1, 0);
                         if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ) != 0) _exit(1);
                         errno = 0;
                         if (mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0) _exit(2);
                         if (errno != EACCES) _exit(4);
                         const void* const code =
                             mmap(nullptr, 4096, PROT_READ | PROT_EXEC, kAnonymous, -1, 0);
                         _exit(code == MAP_FAILED && errno == EACCES ? 0 : 5);
                       }),
              testing::ExitedWithCode(0), "");
}

void must(bool succeeded) {
  if (!succeeded) _exit(1);
}

/// As for `port` kSocket, with a handler out of a library.
void filtered_with_library(void (*then)()) {
  Configuration configuration;
  configuration.services.emplace_back().types.push_back({.handler = "library"});
  if (!filter_system_calls(configuration)) _exit(99);
  then();
  _exit(0);
}

bool is_refused(const void* mapped) {
  return mapped == MAP_FAILED && errno == EACCES;
}

TEST_F(SystemCallFilter, LetsCodeOfLibrariesBeMappedAndNoOther) {
  EXPECT_EXIT(filtered_with_library([] {
                constexpr int kCode = PROT_READ | PROT_EXEC;
                const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
                void* const code = mmap(nullptr, 4096, kCode, MAP_PRIVATE, file, 0);
                must(code != MAP_FAILED);
                must(is_refused(mmap(nullptr, 4096, kCode | PROT_WRITE, MAP_PRIVATE, file, 0)));
                must(is_refused(mmap(nullptr, 4096, kCode, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
                must(mprotect(code, 4096, PROT_READ) == 0);
                must(mprotect(code, 4096, kCode) != 0 && errno == EACCES);
              }),
              testing::ExitedWithCode(0), "");
}

TEST_F(SystemCallFilter, LetsALibraryBeLoadedAgain) {
  static const std::string library = test_library("probe");
  EXPECT_EXIT(filtered_with_library([] { must(LibraryFile::load(library).has_value()); }),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(filtered(PortKind::kSocket,
                       [] {
                         const auto loaded = LibraryFile::load(library);
                         must(!loaded && loaded.error().remedy ==
                                             "a server that was started without libraries lets "
                                             "none in later: restart it");
                       }),
              testing::ExitedWithCode(0), "");
}

/// As SQLite, the record of reply functions and what a reload reads treat files.
void use_files(const std::string& folder) {
  const std::string path = folder + "/file";
  const std::string renamed = folder + "/renamed";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  char byte = 'x';
  struct stat status {};
  must(file >= 0 && flock(file, LOCK_EX) == 0 && fcntl(file, F_SETLK, &lock) == 0);
  must(pwrite(file, &byte, 1, 0) == 1 && pread(file, &byte, 1, 0) == 1);
  must(fdatasync(file) == 0 && fsync(file) == 0 && ftruncate(file, 4096) == 0);
  must(fstat(file, &status) == 0 && lseek(file, 0, SEEK_END) == 4096 && fchmod(file, 0644) == 0);
  must(fchown(file, geteuid(), getegid()) == 0);
  void* const pages = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  must(pages != MAP_FAILED && madvise(pages, 4096, MADV_DONTDUMP) == 0);
  must(mlock(pages, 4096) == 0 && munlock(pages, 4096) == 0 && munmap(pages, 4096) == 0);
  must(close(file) == 0 && rename(path.c_str(), renamed.c_str()) == 0);
  must(access(renamed.c_str(), F_OK) == 0 && unlink(renamed.c_str()) == 0);
}

/// As a control socket, or DPDK's for telemetry.
void use_unix_socket(const std::string& folder, int kind) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder + "/socket";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* const named = reinterpret_cast<const sockaddr*>(&address);
  const int listener = socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);
  umask(077);
  must(bind(listener, named, sizeof address) == 0 && listen(listener, 1) == 0);
  must(chmod(path.c_str(), 0660) == 0 && chown(path.c_str(), geteuid(), getegid()) == 0);
  const int caller = socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);
  must(connect(caller, named, sizeof address) == 0);
  const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ucred peer{};
  socklen_t size = sizeof peer;
  must(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0);
  must(send(caller, "x", 1, 0) == 1 && shutdown(caller, SHUT_WR) == 0);
  must(unlink(path.c_str()) == 0);
}

void wait_for_events() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1}};
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  must(signalfd(-1, &signals, SFD_CLOEXEC) >= 0 && eventfd(0, EFD_CLOEXEC) >= 0);
  must(timerfd_settime(timer, 0, &soon, nullptr) == 0);
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
  must(epoll_wait(epoll, &event, 1, 1000) == 1);
}

TEST_F(SystemCallFilter, LetsWhatIsBesideThePortsWork) {
  static std::string folder;
  folder = testing::TempDir() + "pssst-filter-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_EXIT(filtered(PortKind::kSocket,
                       [] {
                         use_files(folder);
                         use_unix_socket(folder, SOCK_STREAM);
                         use_unix_socket(folder, SOCK_SEQPACKET);
                         std::thread(wait_for_events).join();
                       }),
              testing::ExitedWithCode(0), "");
  EXPECT_EQ(rmdir(folder.c_str()), 0);
}

TEST_F(SystemCallFilter, LetsServersWork) {
  EXPECT_EXIT(filtered(PortKind::kSocket,
                       [] { std::thread([] { close(socket(AF_INET6, SOCK_DGRAM, 0)); }).join(); }),
              testing::ExitedWithCode(0), "");
}

TEST_F(SystemCallFilter, ReachesThreadsThatRunAlready) {
  EXPECT_EXIT(
      {
        static int pipe_ends[2];
        if (pipe(pipe_ends) != 0) _exit(98);
        std::thread earlier([] {
          char byte = 0;
          static_cast<void>(!read(pipe_ends[0], &byte, 1));
          ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        });
        filtered(PortKind::kSocket, [] {
          static_cast<void>(!write(pipe_ends[1], "x", 1));
          for (;;) usleep(1000);
        });
      },
      testing::ExitedWithCode(kForbiddenSystemCall), "\\(ptrace\\)");
}

}  // namespace
}  // namespace pssst::server
