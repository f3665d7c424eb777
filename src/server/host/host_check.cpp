#include "server/host/host_check.hpp"

#include <array>

namespace pssst::server {
namespace {

struct Topic {
  const char* name;
  TopicFaults (*check)(const Configuration& configuration, const Machine& machine);
};

constexpr std::array kTopics{
    Topic{"hugepages", check_hugepages},
    Topic{"driver", check_drivers},
    Topic{"isolation", check_isolation},
    Topic{"memlock", check_memlock},
    Topic{"users", check_users},
    Topic{"files", check_files},
    Topic{"capabilities", check_capabilities},
};

}  // namespace

std::vector<HostFinding> look_at_host(const Configuration& configuration, const Machine& machine) {
  std::vector<HostFinding> findings;
  for (const Topic& topic : kTopics) {
    const TopicFaults found = topic.check(configuration, machine);
    if (!found.not_needed.empty()) {
      findings.push_back({.topic = topic.name, .text = "not needed: " + found.not_needed});
    } else if (found.faults.empty()) {
      findings.push_back({.topic = topic.name, .text = "in order"});
    }
    for (const std::string& fault : found.faults) {
      findings.push_back({.topic = topic.name, .text = fault, .is_fault = true});
    }
  }
  return findings;
}

}  // namespace pssst::server
