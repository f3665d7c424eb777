#include "server/config/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

TEST(Configuration, NamesEachUdpPortOnce) {
  EXPECT_THAT(udp_ports_of({}), testing::IsEmpty());
  EXPECT_THAT(
      udp_ports_of(configuration_of({make_settings(7701, "echo"), make_settings(65535, "echo"),
                                     make_settings(7700, "echo"), make_settings(7701, "discard")})),
      testing::ElementsAre(7700, 7701, 65535));
}

}  // namespace
}  // namespace pssst::server
