#include "timing/sampler.hpp"

#include <dlfcn.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

namespace pssst::bench {
namespace {

constexpr std::size_t kSamplesMax = std::size_t{1} << 20;

// What a signal handler may touch.
std::array<std::uintptr_t, kSamplesMax> samples;
std::atomic<std::size_t> sample_count{0};

void take_sample(int, siginfo_t*, void* context) {
  const std::size_t place = sample_count.load(std::memory_order_relaxed);
  if (place == kSamplesMax) return;
  const auto* const interrupted = static_cast<const ucontext_t*>(context);
  samples[place] = static_cast<std::uintptr_t>(interrupted->uc_mcontext.gregs[REG_RIP]);
  sample_count.store(place + 1, std::memory_order_relaxed);
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Sampler::Sampler(double interval_us) {
  sample_count = 0;
  struct sigaction action {};
  action.sa_sigaction = take_sample;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  if (::sigaction(SIGPROF, &action, &before_) != 0) fail("sigaction");
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPROF;
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) fail("timer_create");
  running_ = true;
  itimerspec times{};
  times.it_interval.tv_nsec = static_cast<long>(interval_us * 1000);
  times.it_value = times.it_interval;
  if (::timer_settime(timer_, 0, &times, nullptr) != 0) fail("timer_settime");
}

Sampler::~Sampler() {
  stop();
}

void Sampler::stop() noexcept {
  if (!std::exchange(running_, false)) return;
  static_cast<void>(::timer_delete(timer_));
  static_cast<void>(::sigaction(SIGPROF, &before_, nullptr));
}

std::vector<Sampler::Place> Sampler::places() {
  stop();
  std::map<std::uintptr_t, std::size_t> counts;
  for (std::size_t i = 0; i < sample_count; ++i) ++counts[samples.at(i)];
  std::vector<Place> places;
  for (const auto& [address, count] : counts) {
    Dl_info info{};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an instruction pointer is nothing else
    const bool known = ::dladdr(reinterpret_cast<const void*>(address), &info) != 0;
    Place place{.file = "?", .offset = address, .count = count};
    if (known) {
      place.file = info.dli_fname;
      place.offset = address - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    }
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace pssst::bench
