/// A load over a DPDK port.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tools/load/crew.hpp"
#include "tools/load/settings.hpp"

namespace pssst::tools::load {

/// EAL, the device, and the one thread that polls it.
class DpdkRun {
 public:
  virtual ~DpdkRun() = default;
  DpdkRun() = default;
  DpdkRun(const DpdkRun&) = delete;
  DpdkRun& operator=(const DpdkRun&) = delete;

  /// Starts the crew's only thread; the crew outlives this.
  virtual base::Result<void> launch(Crew& crew) = 0;
  virtual void join() noexcept = 0;
  [[nodiscard]] virtual std::vector<std::string> describe_devices() const = 0;
  [[nodiscard]] virtual const net::ClientPortCounters& counters() const noexcept = 0;
};

/// Starts EAL and the device, and finds the server on its link. An error where this program was
/// built without DPDK.
[[nodiscard]] base::Result<std::unique_ptr<DpdkRun>> start_dpdk(const Settings& settings);

}  // namespace pssst::tools::load
