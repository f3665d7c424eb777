#include "server/every_thread.hpp"

#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>

namespace pssst::server {
namespace {

std::atomic<int (*)() noexcept> current_action{nullptr};
std::atomic<int> first_failure{0};
sem_t answered;

void run_action(int /*signal*/) {
  const int saved = errno;
  if (auto* const action = current_action.load(); action != nullptr) {
    int none = 0;
    if (const int failed = action(); failed != 0) {
      first_failure.compare_exchange_strong(none, failed);
    }
    sem_post(&answered);
  }
  errno = saved;
}

base::Result<std::set<pid_t>> list_threads() {
  std::set<pid_t> threads;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/task", error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    threads.insert(thread);
  }
  if (error) return base::fail(error.message(), "/proc/self/task", "mount /proc");
  return threads;
}

bool wait_for_answer() {
  timespec deadline{};
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 2;
  while (sem_timedwait(&answered, &deadline) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

/// Until every thread has been told, also those that were started meanwhile.
base::Result<void> tell_others(int signal, const std::string& what) {
  std::set<pid_t> told{gettid()};
  for (;;) {
    const auto threads = list_threads();
    if (!threads) return tl::unexpected(threads.error());
    bool all = true;
    for (const pid_t thread : *threads) {
      if (!told.insert(thread).second) continue;
      all = false;
      if (syscall(SYS_tgkill, getpid(), thread, signal) != 0) {
        if (errno == ESRCH) continue;
        return base::fail(base::describe_errno(errno), what);
      }
      if (!wait_for_answer()) {
        return base::fail("thread " + std::to_string(thread) + " does not answer", what,
                          "report this: a thread blocks all signals");
      }
    }
    if (all) return {};
  }
}

}  // namespace

base::Result<void> on_every_thread(int (*action)() noexcept, const std::string& what) {
  const int signal = SIGRTMAX - 1;
  struct sigaction handler {};
  struct sigaction before {};
  handler.sa_handler = run_action;
  handler.sa_flags = SA_RESTART;
  sigfillset(&handler.sa_mask);
  first_failure = 0;
  if (sem_init(&answered, 0, 0) != 0 || sigaction(signal, &handler, &before) != 0) {
    return base::fail(base::describe_errno(errno), what);
  }
  current_action = action;
  const int here = action();
  auto told = here == 0 ? tell_others(signal, what) : base::Result<void>{};
  current_action = nullptr;
  // After a failure the signal may still be on its way: its handler stays, and does nothing.
  if (told) sigaction(signal, &before, nullptr);
  if (!told) return told;
  const int failed = here != 0 ? here : first_failure.load();
  if (failed != 0) return base::fail(base::describe_errno(failed), what);
  return {};
}

}  // namespace pssst::server
