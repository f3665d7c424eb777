/// What a machine lacks for a configuration. deploy/host says the same of hugepages, drivers and
/// isolation in the same words, and mends it.
#pragma once

#include <string>
#include <vector>

#include "server/config/configuration.hpp"
#include "server/host/machine.hpp"

namespace pssst::server {

struct HostFinding {
  std::string topic;  ///< "hugepages"
  std::string text;   ///< "in order", "not needed: WHY", or what is wrong and what to do
  bool is_fault = false;
};

/// Each topic once, or once for each fault. Looks only; `machine` is where the server will run.
[[nodiscard]] std::vector<HostFinding> look_at_host(const Configuration& configuration,
                                                    const Machine& machine);

// The parts of it: what is wrong, one line each.

struct TopicFaults {
  std::string not_needed{};  ///< why it does not matter here
  std::vector<std::string> faults{};
};

TopicFaults check_hugepages(const Configuration& configuration, const Machine& machine);
/// Of PCI devices, and that the interfaces of virtual ones exist.
TopicFaults check_drivers(const Configuration& configuration, const Machine& machine);
/// That the workers' CPUs are online, and with DPDK that nothing else runs there.
TopicFaults check_isolation(const Configuration& configuration, const Machine& machine);
TopicFaults check_memlock(const Configuration& configuration, const Machine& machine);
/// That the users that it names exist.
TopicFaults check_users(const Configuration& configuration, const Machine& machine);
/// That the user that serves may read the keys, and write where it must.
TopicFaults check_files(const Configuration& configuration, const Machine& machine);
TopicFaults check_capabilities(const Configuration& configuration, const Machine& machine);

}  // namespace pssst::server
