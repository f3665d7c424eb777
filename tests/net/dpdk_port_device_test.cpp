// What needs no device. Those that EAL makes are started by dpdk_port_test.cpp and tests/e2e.
#include "net/dpdk_port_device.hpp"

#include <gtest/gtest.h>

#include "net/dpdk_port_impl.hpp"

namespace pssst::net {
namespace {

TEST(DpdkDevice, OnlyHardwareIsBelievedAboutChecksums) {
  EXPECT_TRUE(is_hardware("0000:81:00.0", "net_ice"));
  EXPECT_TRUE(is_hardware("81:00.0", "mlx5_pci"));
  EXPECT_FALSE(is_hardware("0000:00:03.0", "net_virtio"));
  EXPECT_FALSE(is_hardware("net_tap0", "net_tap"));
  EXPECT_FALSE(is_hardware("net_virtio_user0", "net_virtio"));
}

TEST(DpdkDevice, OnlyWhatIsSurelyRightNeedsNoSecondLook) {
  rte_mbuf mbuf{};
  const auto checks = [&mbuf](std::uint64_t flags, bool checks_checksums = true) {
    mbuf.ol_flags = flags;
    const DeviceChecks found = checks_of(mbuf, checks_checksums);
    return std::pair(found.ip_checksum, found.udp_checksum);
  };
  constexpr std::uint64_t kBothGood = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  EXPECT_EQ(checks(kBothGood), std::pair(true, true));
  EXPECT_EQ(checks(kBothGood, false), std::pair(false, false));
  EXPECT_EQ(checks(kBothGood | RTE_MBUF_F_RX_RSS_HASH), std::pair(true, true));
  EXPECT_EQ(checks(RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD),
            std::pair(true, false));
  EXPECT_EQ(checks(RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD),
            std::pair(false, true));
  EXPECT_EQ(checks(RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE),
            std::pair(false, false));
  EXPECT_EQ(checks(0), std::pair(false, false));
}

}  // namespace
}  // namespace pssst::net
