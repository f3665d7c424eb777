#include "server/privileges.hpp"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace pssst::server {
namespace {

TEST(NeededCapabilities, OfSockets) {
  Configuration configuration;
  configuration.services.resize(2);
  configuration.services[0].udp_port = 7700;
  configuration.services[1].udp_port = 1024;
  EXPECT_EQ(needed_capabilities(configuration), 0);
  configuration.services[1].udp_port = 1023;
  EXPECT_EQ(needed_capabilities(configuration), std::uint64_t{1} << CAP_NET_BIND_SERVICE);
}

TEST(NeededCapabilities, OfDevices) {
  Configuration configuration;
  configuration.port = PortKind::kDpdk;
  configuration.dpdk.vdevs = {"net_vhost0,iface=/run/vhost.sock", "net_af_packet0,iface=a"};
  EXPECT_EQ(needed_capabilities(configuration), 0);
  for (const char* vdev : {"net_tap0,iface=a", "net_af_xdp0,iface=a"}) {
    configuration.dpdk.vdevs = {vdev};
    EXPECT_EQ(needed_capabilities(configuration), std::uint64_t{1} << CAP_NET_ADMIN) << vdev;
  }
}

}  // namespace
}  // namespace pssst::server
