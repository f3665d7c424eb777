#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/host/fake_root.hpp"
#include "server/host/host_check.hpp"

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

class Rights : public testing::Test {
 protected:
  Rights() {
    root_.write("etc/passwd",
                "root:x:0:0\npssst:x:991:991\nme:x:" + std::to_string(::geteuid()) + ":0\n");
    root_.write("proc/self/status", "CapEff:\t0000000000000000\n");
    set_limit("65536");
  }

  void set_limit(const std::string& limit) const {
    root_.write("proc/self/limits",
                "Limit                     Soft Limit  Hard Limit  Units\n"
                "Max locked memory         " +
                    limit + "       8388608   bytes\n");
  }
  void write_unit(const std::string& settings) const {
    root_.write("etc/systemd/system/pssstd.service", "[Service]\n" + settings);
  }
  [[nodiscard]] Words memlock() const {
    return check_memlock(configuration_, root_.machine()).faults;
  }
  [[nodiscard]] Words users() const { return check_users(configuration_, root_.machine()).faults; }
  [[nodiscard]] Words files() const { return check_files(configuration_, root_.machine()).faults; }
  [[nodiscard]] Words capabilities() const {
    return check_capabilities(configuration_, root_.machine()).faults;
  }
  void add_service(std::uint16_t udp_port, const std::string& key_file) {
    ServiceSettings service;
    service.udp_port = udp_port;
    service.key_files = {key_file};
    configuration_.services.push_back(service);
  }

  FakeRoot root_;
  Configuration configuration_;
};

TEST_F(Rights, MemlockForKeys) {
  EXPECT_EQ(memlock(), Words{"64 kB may be locked, and 1024 kB are needed: write "
                             "LimitMEMLOCK=infinity into the unit, or raise ulimit -l"});
  set_limit("8388608");
  EXPECT_EQ(memlock(), Words{});
  set_limit("unlimited");
  EXPECT_EQ(memlock(), Words{});
}

TEST_F(Rights, MemlockForBuffers) {
  configuration_ = dpdk_configuration();
  set_limit("8388608");
  EXPECT_EQ(memlock(), Words{"8192 kB may be locked, and 1048576 kB are needed: write "
                             "LimitMEMLOCK=infinity into the unit, or raise ulimit -l"});
  write_unit("LimitMEMLOCK=infinity\n");
  EXPECT_EQ(memlock(), Words{});
  write_unit("");
  root_.write("proc/self/status", "CapEff:\t0000000000004000\n");
  EXPECT_EQ(memlock(), Words{}) << "CAP_IPC_LOCK";
}

TEST_F(Rights, Users) {
  EXPECT_EQ(check_users(configuration_, root_.machine()).not_needed,
            "the configuration names nobody");
  configuration_.privileges.user = "pssst";
  EXPECT_EQ(users(), Words{});
  configuration_.privileges.user = "psst";
  configuration_.control.users = {"pssst", "ada"};
  EXPECT_EQ(users(), (Words{"there is no user psst: create it (useradd --system) or name another",
                            "there is no user ada: create it (useradd --system) or name another"}));
}

TEST_F(Rights, KeysBelongToWhoServes) {
  root_.write("etc/pssst/server.key", "");
  add_service(7700, "/etc/pssst/server.key");
  EXPECT_EQ(files(), Words{}) << "whoever starts it";
  configuration_.privileges.user = "me";
  EXPECT_EQ(files(), Words{});
  configuration_.privileges.user = "pssst";
  const std::string fault = "/etc/pssst/server.key belongs to user " + std::to_string(::geteuid()) +
                            ", and user 991 must read it at each reload: chown 991 "
                            "/etc/pssst/server.key";
  EXPECT_EQ(files(), Words{fault});
  configuration_.privileges.user = "";
  write_unit("User=pssst\n");
  EXPECT_EQ(files(), Words{fault});
}

TEST_F(Rights, FoldersToWriteIn) {
  configuration_.control.socket = "/run/pssst/control";
  configuration_.state_directory = "/var/lib/pssst";
  EXPECT_EQ(files(), (Words{"there is no folder /run/pssst: write RuntimeDirectory= into the unit, "
                            "or install -d /run/pssst",
                            "there is no folder /var/lib/pssst: write StateDirectory= into the "
                            "unit, or install -d /var/lib/pssst"}));
  write_unit("RuntimeDirectory=pssst\nStateDirectory=pssst\nUser=pssst\n");
  EXPECT_EQ(files(), Words{}) << "systemd makes them";
  write_unit("User=pssst\n");
  root_.make_folder("run/pssst");
  root_.write("var/lib/pssst", "");
  const std::string me = std::to_string(::geteuid());
  EXPECT_EQ(files(), (Words{"/run/pssst belongs to user " + me +
                                ", and user 991 must write there: chown 991 /run/pssst",
                            "/var/lib/pssst is no folder: mend the configuration"}));
  root_.remove("var/lib/pssst");
  root_.make_folder("var/lib/pssst");
  configuration_.privileges.user = "me";
  EXPECT_EQ(files(), Words{});
  configuration_.privileges.user = "pssst";
  ASSERT_EQ(::chmod(root_.path("run/pssst").c_str(), 01777), 0);
  ASSERT_EQ(::chmod(root_.path("var/lib/pssst").c_str(), 01777), 0);
  EXPECT_EQ(files(), Words{}) << "everybody may";
}

TEST_F(Rights, PortsThatAreNotEverybodys) {
  add_service(7700, "key");
  EXPECT_EQ(check_capabilities(configuration_, root_.machine()).not_needed, "this port takes none");
  add_service(700, "key");
  EXPECT_EQ(capabilities(),
            Words{"CAP_NET_BIND_SERVICE is needed and not there: write AmbientCapabilities= and "
                  "CapabilityBoundingSet= into the unit, or start as root with [privileges] user"});
  root_.write("proc/sys/net/ipv4/ip_unprivileged_port_start", "700\n");
  EXPECT_EQ(capabilities(), Words{});
  root_.remove("proc/sys/net/ipv4/ip_unprivileged_port_start");
  root_.write("proc/self/status", "CapEff:\t0000000000000400\n");
  EXPECT_EQ(capabilities(), Words{});
}

TEST_F(Rights, CapabilitiesOfDevices) {
  configuration_.port = PortKind::kDpdk;
  configuration_.dpdk.vdevs = {"net_tap0"};
  EXPECT_EQ(capabilities(), Words{"CAP_NET_ADMIN is needed and not there: install "
                                  "deploy/pssstd.service.d/tap.conf, or start as root with "
                                  "[privileges] user"});
  configuration_.dpdk.vdevs = {"net_af_xdp0,iface=eth1"};
  const std::string all =
      "CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN are needed and not there: install "
      "deploy/pssstd.service.d/af_xdp.conf, or start as root with [privileges] user";
  EXPECT_EQ(capabilities(), Words{all});
  root_.write("proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_EQ(capabilities(), Words{});
  write_unit("AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  EXPECT_EQ(capabilities(), Words{all}) << "the unit counts where there is one";
  write_unit("AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN\n");
  EXPECT_EQ(capabilities(), Words{});
}

TEST_F(Rights, CapabilitiesOfExceptionTaps) {
  configuration_.port = PortKind::kDpdk;
  configuration_.dpdk.pci_devices = {"0000:81:00.0"};
  EXPECT_EQ(check_capabilities(configuration_, root_.machine()).not_needed, "this port takes none");
  configuration_.dpdk.exception_taps = {"pssst-ex0"};
  EXPECT_EQ(capabilities(), Words{"CAP_NET_ADMIN is needed and not there: install "
                                  "deploy/pssstd.service.d/exception.conf, or start as root with "
                                  "[privileges] user"});
  root_.write("proc/self/status", "CapEff:\t0000000000001000\n");
  EXPECT_EQ(capabilities(), Words{});
}

}  // namespace
}  // namespace pssst::server
