#include "tools/load/settings.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace pssst::tools::load {
namespace {

Settings understood(const Arguments& arguments) {
  auto settings = understand(arguments);
  if (!settings) throw std::runtime_error(settings.error().to_string());
  return *std::move(settings);
}

Arguments dpdk() {
  Arguments arguments;
  arguments.host = "10.77.0.2";
  arguments.vdevs = {"net_virtio_user0,path=/x"};
  arguments.address = "10.77.0.1";
  return arguments;
}

TEST(LoadSettings, Defaults) {
  const Settings settings = understood({});
  EXPECT_FALSE(settings.is_open_loop());
  EXPECT_EQ(settings.window, 64u);
  EXPECT_EQ(settings.duration_s, 10);
  EXPECT_EQ(settings.pool, 16'384u);
  EXPECT_EQ(settings.verify_every, 100u);
  EXPECT_TRUE(settings.expects_replies());
  EXPECT_EQ(settings.expectation.kind, Expectation::Kind::kEcho);
  EXPECT_FALSE(settings.dpdk);
  EXPECT_FALSE(settings.hostile.is_on());
  EXPECT_EQ(settings.timeout_ns, 1'000'000'000u);
}

TEST(LoadSettings, PaceVerificationAndExpectation) {
  Arguments arguments;
  arguments.rate = 5000;
  arguments.count = 100;
  arguments.verify = "all";
  arguments.expect = "c0ffee";
  Settings settings = understood(arguments);
  EXPECT_TRUE(settings.is_open_loop());
  EXPECT_EQ(settings.window, 0u);
  EXPECT_EQ(settings.duration_s, 0) << "the count ends it";
  EXPECT_EQ(settings.verify_every, 1u);
  EXPECT_EQ(settings.expectation.text, (std::vector<std::uint8_t>{0xc0, 0xff, 0xee}));
  arguments.verify = "none";
  arguments.expect = "empty";
  settings = understood(arguments);
  EXPECT_EQ(settings.verify_every, 0u);
  EXPECT_EQ(settings.expectation.kind, Expectation::Kind::kText);
  EXPECT_TRUE(settings.expectation.text.empty());
  arguments.verify = "7";
  arguments.expect = "none";
  settings = understood(arguments);
  EXPECT_EQ(settings.verify_every, 7u);
  EXPECT_FALSE(settings.expects_replies());
}

TEST(LoadSettings, APoolIsLargeEnough) {
  Arguments arguments;
  arguments.window = 10'000;
  EXPECT_EQ(understood(arguments).pool, 40'000u);
  arguments.window = 1;
  arguments.count = 1000;
  EXPECT_EQ(understood(arguments).pool, 2000u) << "no more than are sent";
  arguments.count = 3;
  EXPECT_EQ(understood(arguments).pool, 512u);
  arguments.pool = 5;
  EXPECT_EQ(understood(arguments).pool, 5u);
  Arguments fresh;
  fresh.fresh = true;
  fresh.rate = 10'000;
  fresh.duration_s = 3;
  fresh.warmup_s = 1;
  EXPECT_EQ(understood(fresh).pool, 44'000u);
  fresh.rate = 1e9;
  EXPECT_EQ(understood(fresh).pool, std::size_t{1} << 18);
}

TEST(LoadSettings, HostileSharesAndRates) {
  Arguments arguments;
  arguments.hostile = "junk:0.5,replay:0.25";
  Settings settings = understood(arguments);
  EXPECT_DOUBLE_EQ(settings.hostile.per_good, 3);
  EXPECT_EQ(settings.hostile.rate, 0);
  arguments.hostile = "junk:5,replay:2";
  arguments.hostile_rate = 1000;
  settings = understood(arguments);
  EXPECT_EQ(settings.hostile.per_good, 0);
  EXPECT_EQ(settings.hostile.rate, 1000);
  EXPECT_EQ(settings.hostile.weights[static_cast<std::size_t>(HostileKind::kJunk)], 5);
}

TEST(LoadSettings, Dpdk) {
  Arguments arguments = dpdk();
  arguments.server_mac = "02:00:00:00:aB:01";
  arguments.hostile = "junk:0.1";
  arguments.source_prefix = "198.18.0.0/15";
  const Settings settings = understood(arguments);
  ASSERT_TRUE(settings.dpdk);
  EXPECT_EQ(settings.dpdk->address, (net::Ipv4Address{10, 77, 0, 1}));
  EXPECT_EQ(settings.dpdk->server_mac, (net::MacAddress{2, 0, 0, 0, 0xab, 1}));
  EXPECT_EQ(settings.hostile.source_prefix, "198.18.0.0/15");
}

TEST(LoadSettings, SocketsAreDealtOutToThreads) {
  Arguments arguments;
  arguments.threads = 3;
  EXPECT_EQ(understood(arguments).sockets, 2u);
  arguments.threads = 20;
  EXPECT_EQ(understood(arguments).sockets, 1u);
  arguments.cpus = "0-19";
  EXPECT_EQ(understood(arguments).cpus.size(), 20u);
}

TEST(LoadSettings, MistakesAreNamed) {
  struct Row {
    std::function<void(Arguments&)> change;
    std::string complaint;
  };
  const std::vector<Row> rows{
      {[](Arguments& a) { a.rate = 5, a.window = 5; }, "--rate and --window exclude each other"},
      {[](Arguments& a) { a.sizes = "1421"; }, "does not fit a datagram"},
      {[](Arguments& a) { a.sizes = "1357", a.clients = "x"; }, "at most 1356 bytes"},
      {[](Arguments& a) { a.verify = "0"; }, "--verify 0"},
      {[](Arguments& a) { a.verify = "some"; }, "--verify some"},
      {[](Arguments& a) { a.expect = "ech"; }, "--expect ech"},
      {[](Arguments& a) { a.expect = "none"; }, "give a --rate"},
      {[](Arguments& a) { a.hostile = "junk:0.5,replay:0.5"; }, "nothing for good traffic"},
      {[](Arguments& a) { a.hostile = "rubbish:1"; }, "choose from junk, truncated"},
      {[](Arguments& a) { a.hostile = "junk"; }, "--hostile junk"},
      {[](Arguments& a) { a.hostile_rate = 5; }, "say which kinds"},
      {[](Arguments& a) { a.hostile = "junk:0.5", a.source_prefix = "224.0.0.0/4"; },
       "--source-prefix 224.0.0.0/4"},
      {[](Arguments& a) { a.address = "10.0.0.1"; }, "no DPDK device"},
      {[](Arguments& a) { a = dpdk(), a.address = ""; }, "no address of our own"},
      {[](Arguments& a) { a = dpdk(), a.address = "::1"; }, "--address ::1"},
      {[](Arguments& a) { a = dpdk(), a.host = "localhost"; }, "HOST localhost"},
      {[](Arguments& a) { a = dpdk(), a.server_mac = "02:00"; }, "--server-mac 02:00"},
      {[](Arguments& a) { a = dpdk(), a.vdevs.emplace_back("net_tap0"); }, "more than one"},
      {[](Arguments& a) { a = dpdk(), a.threads = 2; }, "for one thread"},
      {[](Arguments& a) { a = dpdk(), a.hostile = "junk:0.5", a.source_prefix = "1.2.3.4/8"; },
       "--source-prefix 1.2.3.4/8"},
      {[](Arguments& a) { a.cpus = "0,1"; }, "one CPU a thread"},
      {[](Arguments& a) { a.cpus = "zero"; }, "--cpus zero"},
      {[](Arguments& a) { a.threads = 5, a.pool = 4; }, "fewer requests than threads"},
  };
  for (const Row& row : rows) {
    Arguments arguments;
    row.change(arguments);
    const auto settings = understand(arguments);
    ASSERT_FALSE(settings) << row.complaint;
    EXPECT_NE(settings.error().to_string().find(row.complaint), std::string::npos)
        << row.complaint << ": " << settings.error().to_string();
  }
}

}  // namespace
}  // namespace pssst::tools::load
