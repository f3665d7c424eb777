#include <gtest/gtest.h>

#include "server/host/fake_root.hpp"
#include "server/host/host_check.hpp"

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

class Hardware : public testing::Test {
 protected:
  Hardware() {
    root_.write("proc/meminfo", "Hugepagesize:       2048 kB\n");
    root_.write("proc/sys/vm/nr_hugepages", "16\n");
    root_.write("proc/cmdline", "quiet\n");
    root_.write("sys/devices/system/cpu/online", "0-3\n");
    root_.write("etc/default/grub", "\n");
    root_.link(kDevice + "/driver", "../../drivers/ice");
    root_.make_folder(kDevice + "/iommu_group");
    root_.make_folder(kDevice + "/net/fast0");
  }

  [[nodiscard]] Words hugepages() const {
    return check_hugepages(configuration_, root_.machine()).faults;
  }
  [[nodiscard]] Words drivers() const {
    return check_drivers(configuration_, root_.machine()).faults;
  }
  [[nodiscard]] Words isolation() const {
    return check_isolation(configuration_, root_.machine()).faults;
  }

  const std::string kDevice = "sys/bus/pci/devices/0000:81:00.0";
  const std::string kWords =
      "isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1";
  FakeRoot root_;
  Configuration configuration_ = dpdk_configuration();
};

TEST_F(Hardware, Hugepages) {
  EXPECT_EQ(hugepages(), (Words{"16 of 512: run deploy/host init",
                                "512 are not asked for after a boot: run deploy/host init"}));
  root_.write("proc/sys/vm/nr_hugepages", "512\n");
  EXPECT_EQ(hugepages(), Words{"512 are not asked for after a boot: run deploy/host init"});
  root_.write("etc/sysctl.d/70-pssst-hugepages.conf", "# x\nvm.nr_hugepages = 512\n");
  EXPECT_EQ(hugepages(), Words{});
  root_.remove("etc/sysctl.d/70-pssst-hugepages.conf");
  root_.write("proc/cmdline", "hugepages=600\n");
  EXPECT_EQ(hugepages(), Words{});
  root_.write("proc/meminfo", "MemTotal: 1 kB\n");
  EXPECT_EQ(hugepages(), Words{"this kernel has no hugepages: boot one with CONFIG_HUGETLBFS"});
  configuration_.dpdk.hugepages = false;
  EXPECT_EQ(check_hugepages(configuration_, root_.machine()).not_needed,
            "[dpdk] hugepages is not true");
  configuration_.port = PortKind::kSocket;
  EXPECT_EQ(check_hugepages(configuration_, root_.machine()).not_needed,
            "nothing, as [port] kind is not \"dpdk\"");
}

TEST_F(Hardware, Drivers) {
  EXPECT_EQ(drivers(), Words{"0000:81:00.0 is bound to ice: run deploy/host init"});
  root_.write("proc/net/route", "Iface\tDestination\nfast0\t00000000\n");
  EXPECT_EQ(drivers(), Words{"0000:81:00.0 is fast0, over which routes of this machine lead: take "
                             "its addresses away (ip address flush dev fast0) or name another "
                             "device"});
  root_.write("proc/net/route", "Iface\tDestination\neth9\t00000000\n");
  root_.write("proc/net/ipv6_route", "fe80 40 x fast0\nff00 08 x fast0\n2001 40 x eth9\n");
  root_.remove(kDevice + "/iommu_group");
  EXPECT_EQ(drivers(), Words{"0000:81:00.0 is behind no IOMMU: switch it on in the firmware (VT-d, "
                             "AMD-Vi) and boot with intel_iommu=on"});
  root_.make_folder(kDevice + "/iommu_group");
  root_.remove(kDevice + "/driver");
  EXPECT_EQ(drivers(), Words{"0000:81:00.0 is bound to no driver: run deploy/host init"});
  root_.link(kDevice + "/driver", "../../drivers/vfio-pci");
  EXPECT_EQ(drivers(),
            Words{"0000:81:00.0 is bound to vfio-pci until the next boot: run deploy/host init"});
  root_.write("etc/driverctl.d/pci-0000:81:00.0", "vfio-pci\n");
  EXPECT_EQ(drivers(), Words{});
  root_.remove(kDevice);
  EXPECT_EQ(drivers(), Words{"there is no PCI device 0000:81:00.0: see lspci -D, mend [dpdk] pci"});
}

TEST_F(Hardware, DriversThatShareTheirNic) {
  root_.remove(kDevice + "/driver");
  root_.link(kDevice + "/driver", "../../drivers/mlx5_core");
  EXPECT_EQ(drivers(), Words{});
}

TEST_F(Hardware, InterfacesOfVirtualDevices) {
  configuration_.dpdk.pci_devices = {};
  configuration_.dpdk.vdevs = {"net_af_xdp0,iface=eth7,start_queue=0", "net_tap0,iface=pssst0"};
  EXPECT_EQ(drivers(), Words{"there is no interface eth7: see ip link, mend [dpdk] vdevs"});
  root_.make_folder("sys/class/net/eth7");
  EXPECT_EQ(check_drivers(configuration_, root_.machine()).not_needed,
            "[dpdk] pci names no device");
}

TEST_F(Hardware, Isolation) {
  EXPECT_EQ(isolation(),
            Words{"the kernel's command line lacks " + kWords + ": run deploy/host init"});
  root_.write("etc/default/grub.d/pssst.cfg",
              "# x\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX " + kWords + "\"\n");
  EXPECT_EQ(isolation(), Words{"not booted with it yet: run update-grub, then reboot"});
  root_.write("proc/cmdline", "quiet " + kWords + " x\n");
  EXPECT_EQ(isolation(), Words{});
  root_.write("proc/cmdline", "quiet\n");
  root_.remove("etc/default");
  EXPECT_EQ(isolation(), Words{"there is no /etc/default/grub: give the boot loader, whatever it "
                               "is, " +
                               kWords});
}

TEST_F(Hardware, CpusOfTheWorkers) {
  configuration_.cpus = {};
  EXPECT_EQ(isolation(),
            Words{"[server] lcores is missing: say which CPUs the workers have, like \"2-7\""});
  configuration_.cpus = {3, 4, 5};
  EXPECT_EQ(isolation(), Words{"CPU 4-5 of [server] lcores is not online (0-3 are): mend lcores"});
  configuration_.cpus = {3, 0, 2, 1};
  EXPECT_EQ(isolation(),
            Words{"[server] lcores takes every CPU: leave one to the rest of the system"});
  configuration_.cpus = {0, 2};
  EXPECT_EQ(isolation(), Words{"[server] lcores has CPU 0, which the kernel needs to boot and to "
                               "keep time: leave it out"});
  configuration_.port = PortKind::kSocket;
  EXPECT_EQ(isolation(), Words{});
  EXPECT_EQ(check_isolation(configuration_, root_.machine()).not_needed,
            "nothing, as [port] kind is not \"dpdk\"");
  configuration_.cpus = {9};
  EXPECT_EQ(isolation(), Words{"CPU 9 of [server] lcores is not online (0-3 are): mend lcores"});
}

}  // namespace
}  // namespace pssst::server
