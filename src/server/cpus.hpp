/// The CPUs that workers run on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pssst::server {

/// "0,2-3": numbers and ranges, none twice, in the order given.
base::Result<std::vector<unsigned>> parse_cpu_list(std::string_view text);

/// The CPUs that this process may use (sched_getaffinity(2)), in order.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

/// `wanted` if this process may use all of them; the first allowed one if `wanted` is empty.
base::Result<std::vector<unsigned>> choose_cpus(const std::vector<unsigned>& wanted);

/// Binds the calling thread to one CPU.
base::Result<void> pin_this_thread(unsigned cpu);

/// Lets the calling thread, and those that it starts, run on these CPUs. False: as before.
bool allow_this_thread(const std::vector<unsigned>& cpus) noexcept;

}  // namespace pssst::server
