#include "server/cpus.hpp"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

namespace pssst::server {
namespace {

/// More than any Linux build knows; bounds the memory that "0-4000000000" would ask for.
constexpr unsigned kCpuNumberMax = 65535;

class CpuSet {
 public:
  CpuSet() : set_(CPU_ALLOC(kCpuNumberMax + 1)) { CPU_ZERO_S(size(), set_.get()); }
  [[nodiscard]] static std::size_t size() noexcept { return CPU_ALLOC_SIZE(kCpuNumberMax + 1); }
  [[nodiscard]] cpu_set_t* get() const noexcept { return set_.get(); }
  [[nodiscard]] bool has(unsigned cpu) const noexcept {
    return CPU_ISSET_S(cpu, size(), set_.get()) != 0;
  }
  void add(unsigned cpu) noexcept { CPU_SET_S(cpu, size(), set_.get()); }

 private:
  struct Free {
    void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
  };
  std::unique_ptr<cpu_set_t, Free> set_;
};

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || value > kCpuNumberMax) return std::nullopt;
  return value;
}

std::string join(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) text += (text.empty() ? "" : ",") + std::to_string(cpu);
  return text;
}

}  // namespace

base::Result<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  const auto refuse = [&](const std::string& what) {
    return base::fail(what, "\"" + std::string(text) + "\"", "write CPU numbers like 0,2-3");
  };
  std::vector<unsigned> cpus;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = parse_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(part.substr(dash + 1));
    if (!first || !last) return refuse("not a list of CPUs");
    if (*last < *first) return refuse("a range of CPUs that runs backwards");
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::vector<unsigned> sorted = cpus;
  std::sort(sorted.begin(), sorted.end());
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end());
  if (twin != sorted.end()) return refuse("CPU " + std::to_string(*twin) + " stands twice");
  return cpus;
}

std::vector<unsigned> allowed_cpus() {
  const CpuSet set;
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, CpuSet::size(), set.get()) != 0) return cpus;
  for (unsigned cpu = 0; cpu <= kCpuNumberMax; ++cpu) {
    if (set.has(cpu)) cpus.push_back(cpu);
  }
  return cpus;
}

base::Result<std::vector<unsigned>> choose_cpus(const std::vector<unsigned>& wanted) {
  const std::vector<unsigned> allowed = allowed_cpus();
  if (allowed.empty()) return base::fail("cannot tell which CPUs this process may use");
  if (wanted.empty()) return std::vector<unsigned>{allowed.front()};
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  for (const unsigned cpu : wanted) {
    if (std::binary_search(allowed.begin(), allowed.end(), cpu)) continue;
    const std::string where = "CPU " + std::to_string(cpu);
    const std::string remedy = "choose from " + join(allowed);
    if (static_cast<long>(cpu) >= configured) {
      return base::fail("this machine has no such CPU", where, remedy);
    }
    return base::fail("this process may not use it", where, remedy);
  }
  return wanted;
}

base::Result<void> pin_this_thread(unsigned cpu) {
  CpuSet set;
  set.add(cpu);
  const int error = pthread_setaffinity_np(pthread_self(), CpuSet::size(), set.get());
  if (error == 0) return {};
  return base::fail("cannot bind a worker to it: " + base::describe_errno(error),
                    "CPU " + std::to_string(cpu));
}

bool allow_this_thread(const std::vector<unsigned>& cpus) noexcept {
  CpuSet set;
  for (const unsigned cpu : cpus) set.add(cpu);
  return !cpus.empty() && sched_setaffinity(0, CpuSet::size(), set.get()) == 0;
}

}  // namespace pssst::server
