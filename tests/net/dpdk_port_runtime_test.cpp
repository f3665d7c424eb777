// Starts that fail. EAL starts once per process: each has one of its own (death tests).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "net/dpdk_port.hpp"
#include "net/dpdk_port_eal.hpp"
#include "net/dpdk_port_fixture.hpp"

namespace pssst::net {
namespace {

using namespace test;

// Exits with 3 if starting fails, after writing the error as the one line on stderr.
[[noreturn]] void start_and_exit(const DpdkConfig& config) {
  std::string error;
  {
    auto started = DpdkRuntime::start(config);
    if (!started) error = started.error().to_string();
  }
  std::fprintf(stderr, "<%s>\n", error.c_str());
  std::exit(error.empty() ? 0 : 3);
}

class DpdkStartDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(DpdkStartDeathTest, AGoodStartAndStopAreSilent) {
  EXPECT_EXIT(start_and_exit(ring_config()), testing::ExitedWithCode(0), "^<>\n$");
}

TEST_F(DpdkStartDeathTest, BadDevicesAreNamed) {
  DpdkConfig config = ring_config();
  config.vdevs = {"net_ring0", "net_af_packet0,iface=nosuch0"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<net_af_packet0: .*\\(.*\n$");
  config.vdevs = {"net_nosuch0"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*net_nosuch0.*driver.*\n$");
  config = ring_config();
  config.pci_devices = {"0000:ff:1f.7"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3),
              "^<0000:ff:1f.7: .*vfio-pci.*\n$");
}

TEST_F(DpdkStartDeathTest, BadArgumentsAndTooLittleMemoryAreTold) {
  DpdkConfig config = ring_config();
  config.eal_arguments = {"--nonsense"};
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*--nonsense.*\n$");
  config = ring_config();
  config.memory_mb = 8;
  config.slots = 8192;
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<no memory for .*more memory>");
}

TEST_F(DpdkStartDeathTest, MissingHugepagesAreTold) {
  if (free_hugepages() != 0) GTEST_SKIP() << "this machine has hugepages";
  DpdkConfig config = ring_config();
  config.hugepages = true;
  EXPECT_EXIT(start_and_exit(config), testing::ExitedWithCode(3), "^<.*no free hugepages.*\n$");
}

}  // namespace
}  // namespace pssst::net
