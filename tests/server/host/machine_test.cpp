#include "server/host/machine.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "server/host/fake_root.hpp"

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

TEST(Machine, FilesUnderItsRoot) {
  const FakeRoot root;
  root.write("etc/some", "  text \n\n");
  root.link("etc/link", "../../drivers/ice");
  root.make_folder("etc/folder");
  const Machine machine = root.machine();
  EXPECT_EQ(machine.read("etc/some"), "text");
  EXPECT_EQ(machine.read("/etc/some"), "text") << "not this machine's own";
  EXPECT_EQ(machine.read("etc/none"), std::nullopt);
  EXPECT_EQ(machine.read("etc/folder"), std::nullopt);
  EXPECT_TRUE(machine.exists("/etc/folder"));
  EXPECT_FALSE(machine.exists("/etc/hostname"));
  EXPECT_EQ(machine.link_name("etc/link"), "ice");
  EXPECT_EQ(machine.link_name("etc/some"), "");
  EXPECT_EQ(machine.list("etc"), (Words{"folder", "link", "some"}));
  EXPECT_EQ(machine.list("none"), Words{});
  ASSERT_TRUE(machine.owner_of("/etc/some"));
  EXPECT_EQ(machine.owner_of("/etc/some")->user, ::geteuid());
  EXPECT_FALSE(machine.owner_of("/etc/none"));
}

TEST(Machine, NumbersInItsFiles) {
  const FakeRoot root;
  root.write("proc/meminfo", "MemTotal: 99 kB\nHugepagesize:       2048 kB\n");
  root.write("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
  const Machine machine = root.machine();
  EXPECT_EQ(machine.number_in("proc/meminfo", "Hugepagesize:"), 2048U);
  EXPECT_EQ(machine.number_in("proc/meminfo", "Hugepages:"), std::nullopt);
  EXPECT_EQ(machine.number_in("proc/none", "Hugepagesize:"), std::nullopt);
  EXPECT_EQ(machine.number_in("proc/self/status", "CapEff:", 16), 0x1ffffffffffU);
  EXPECT_EQ(machine.number_in("proc/self/status", "Name:"), std::nullopt);
}

TEST(Machine, Users) {
  const FakeRoot root;
  root.write("etc/passwd",
             "root:x:0:0::/:/bin/sh\npssst2:x:7:7\npssst:x:991:991::/:/bin/false\nbad\n");
  EXPECT_EQ(root.machine().user_id("pssst"), 991U);
  EXPECT_EQ(root.machine().user_id("bad"), std::nullopt);
  EXPECT_EQ(root.machine().user_id("daemon"), std::nullopt) << "this machine's";
  EXPECT_EQ(Machine("/").user_id("root"), 0U);
  EXPECT_EQ(Machine("/").user_id("no-such-user"), std::nullopt);
}

TEST(Machine, Cpus) {
  const FakeRoot root;
  EXPECT_EQ(root.machine().online_cpus(), std::vector<unsigned>{0});
  root.write("sys/devices/system/cpu/online", "0-2,5\n");
  EXPECT_EQ(root.machine().online_cpus(), (std::vector<unsigned>{0, 1, 2, 5}));
  EXPECT_EQ(format_cpus({5, 0, 2, 1}), "0-2,5");
  EXPECT_EQ(format_cpus({3, 1}), "1,3");
  EXPECT_EQ(format_cpus({}), "");
}

TEST(Machine, TheUnitAndItsDropIns) {
  const FakeRoot root;
  EXPECT_EQ(root.machine().unit(), "");
  root.write("lib/systemd/system/pssstd.service", "[Service]\nUser=package\n");
  EXPECT_EQ(unit_words(root.machine().unit(), "User"), Words{"package"});
  root.write("etc/systemd/system/pssstd.service",
             "[Service]\nUser=pssst\nAmbientCapabilities=CAP_A CAP_B\n");
  root.write("etc/systemd/system/pssstd.service.d/tap.conf",
             "[Service]\nAmbientCapabilities=\nAmbientCapabilities=CAP_C\n");
  root.write("etc/systemd/system/pssstd.service.d/README", "User=nobody\n");
  const std::string unit = root.machine().unit();
  EXPECT_EQ(unit_words(unit, "User"), Words{"pssst"});
  EXPECT_EQ(unit_words(unit, "AmbientCapabilities"), Words{"CAP_C"});
  EXPECT_EQ(unit_words(unit, "Ambient"), Words{});
}

}  // namespace
}  // namespace pssst::server
