#include "net/udp_port_set.hpp"

#include <gtest/gtest.h>

namespace pssst::net {
namespace {

TEST(UdpPortSet, HoldsWhatWasInsertedAndNotErased) {
  UdpPortSet set;
  for (unsigned udp_port = 0; udp_port < 65536; udp_port += 7) {
    set.insert(static_cast<std::uint16_t>(udp_port));
  }
  for (unsigned udp_port = 0; udp_port < 65536; udp_port += 21) {
    set.erase(static_cast<std::uint16_t>(udp_port));
  }
  for (unsigned udp_port = 0; udp_port < 65536; ++udp_port) {
    EXPECT_EQ(set.contains(static_cast<std::uint16_t>(udp_port)),
              udp_port % 7 == 0 && udp_port % 21 != 0)
        << udp_port;
  }
}

}  // namespace
}  // namespace pssst::net
