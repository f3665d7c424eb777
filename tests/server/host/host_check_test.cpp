#include "server/host/host_check.hpp"

#include <gtest/gtest.h>

#include <map>

#include "server/host/fake_root.hpp"

namespace pssst::server {
namespace {

TEST(HostCheck, EveryTopicIsNamed) {
  const FakeRoot root;
  Configuration configuration;
  configuration.control.users = {"ada", "bob"};
  std::map<std::string, int> faults;
  for (const HostFinding& finding : look_at_host(configuration, root.machine())) {
    faults[finding.topic] += finding.is_fault ? 1 : 0;
    EXPECT_EQ(finding.is_fault,
              finding.text != "in order" && !finding.text.starts_with("not needed: "));
  }
  const std::map<std::string, int> expected{{"hugepages", 0},   {"driver", 0}, {"isolation", 0},
                                            {"memlock", 0},     {"users", 2},  {"files", 0},
                                            {"capabilities", 0}};
  EXPECT_EQ(faults, expected);
}

}  // namespace
}  // namespace pssst::server
