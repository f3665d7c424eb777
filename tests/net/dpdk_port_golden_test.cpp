// Golden frames (golden/make.py) through a port on DPDK's pcap device: what comes out, and what is
// counted, must be what another implementation says. EAL starts once per process: each duty has one
// of its own (death tests).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "net/dpdk_port.hpp"
#include "net/dpdk_port_eal.hpp"
#include "net/pcap_reader.hpp"

namespace pssst::net {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Counts = std::map<std::string, std::uint64_t>;

constexpr std::string_view kDuties[] = {"arp",       "echo", "gateway", "ipv4", "ipv6",
                                        "malformed", "mtu",  "ndp",     "vlan"};

std::string golden(std::string_view duty, std::string_view what) {
  return std::string(PSSST_GOLDEN_FRAMES) + "/" + std::string(duty) + "." + std::string(what);
}

DpdkConfig config_for(std::string_view duty, const std::string& sent) {
  DpdkConfig config;
  config.vdevs = {"net_pcap0,rx_pcap=" + golden(duty, "in.pcap") + ",tx_pcap=" + sent};
  config.cpus = {allowed_cpus().back()};
  config.memory_mb = 64;
  config.slots = 64;
  config.queue_size = 64;
  config.addresses = {mapped({192, 0, 2, 1}), mapped({192, 0, 2, 7})};
  for (const std::uint8_t last : {std::uint8_t{1}, std::uint8_t{7}}) {
    config.addresses.push_back({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
  }
  config.vlans = {0, 5};
  auto udp_ports = std::make_shared<UdpPortSet>();
  udp_ports->insert(5000);
  config.udp_ports = std::move(udp_ports);
  if (duty == "gateway") config.gateway_mac = MacAddress{2, 0, 0, 0, 0, 0xfe};
  if (duty == "mtu") config.mtu = 1300;
  return config;
}

// As make.py has it.
Bytes reply_to(const Datagram& request) {
  Bytes reply(request.size < 2 ? 0 : std::size_t{request.data[0]} * 256 + request.data[1]);
  for (std::size_t i = 0; i < reply.size(); ++i) {
    reply[i] = static_cast<std::uint8_t>(~request.data[i % request.size]);
  }
  return reply;
}

// One frame at a time, so that what goes out is in the order of what came in.
std::uint64_t serve(DpdkPort& port, std::uint64_t frames) {
  std::uint64_t unsent = 0;
  for (int idle = 0; port.counters().frames.read() < frames && idle < 1000; ++idle) {
    std::array<Datagram, 1> received;
    if (port.receive(received) == 0) continue;
    const Bytes data = reply_to(received[0]);
    std::array<Reply, 1> replies{Reply{
        .to = received[0], .data = data.data(), .size = static_cast<std::uint16_t>(data.size())}};
    port.transmit(replies);
    if (!replies[0].sent) ++unsent;
    if (!replies[0].sent && replies[0].drop != DropReason::kReplyOverMtu) unsent += 1'000'000;
  }
  return unsent;
}

Counts counts_of(const PortCounters& counters, std::uint64_t unsent) {
  Counts counts{{"datagrams", counters.datagrams.read()},
                {"answered", counters.answered.read()},
                {"unsent", unsent}};
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    counts.emplace(kDropReasons.at(i).name, counters.drops.read(static_cast<DropReason>(i)));
  }
  std::erase_if(counts, [](const auto& count) { return count.second == 0; });
  return counts;
}

Counts read_counts(const std::string& path) {
  Counts counts;
  std::ifstream file(path);
  for (std::string name; file >> name;) file >> counts[name];
  return counts;
}

// What is wrong, for people; empty: nothing.
std::string compare(std::string_view duty, const Counts& counts, const std::string& sent) {
  std::string findings;
  if (counts != read_counts(golden(duty, "counts"))) {
    findings += "counted:";
    for (const auto& [name, count] : counts) findings += " " + name + " " + std::to_string(count);
    findings += '\n';
  }
  const auto wanted = test::read_pcap(golden(duty, "out.pcap"));
  const auto written = test::read_pcap(sent);
  if (!wanted || !written) return findings + "a pcap file cannot be read\n";
  for (std::size_t i = 0; i < std::max(wanted->size(), written->size()); ++i) {
    const Bytes want = i < wanted->size() ? (*wanted)[i].bytes : Bytes{};
    const Bytes have = i < written->size() ? (*written)[i].bytes : Bytes{};
    if (want == have) continue;
    const auto [first, _] = std::ranges::mismatch(want, have);
    findings += "frame " + std::to_string(i) + ": " + std::to_string(have.size()) + " bytes for " +
                std::to_string(want.size()) + ", the first difference is at " +
                std::to_string(first - want.begin()) + '\n';
  }
  return findings;
}

[[noreturn]] void run_duty(std::string_view duty) {
  const std::string sent =
      std::filesystem::temp_directory_path() / ("pssst-golden-" + std::to_string(::getpid()));
  const auto frames = test::read_pcap(golden(duty, "in.pcap"));
  Counts counts;
  {
    auto runtime = DpdkRuntime::start(config_for(duty, sent));
    if (!runtime) {
      std::fprintf(stderr, "%s\n", runtime.error().to_string().c_str());
      std::exit(3);
    }
    const auto port = (*runtime)->take_port(0);  // gone before the runtime, which writes the file
    const std::uint64_t unsent = serve(*port, frames ? frames->size() : 0);
    counts = counts_of(port->counters(), unsent);
  }
  std::string findings = compare(duty, counts, sent);
  std::filesystem::remove(sent);
  if (frames && frames->empty()) findings += "no frames\n";
  std::fprintf(stderr, "%s", findings.c_str());
  std::exit(findings.empty() ? 0 : 1);
}

class GoldenDeathTest : public testing::TestWithParam<std::string_view> {};

TEST_P(GoldenDeathTest, FramesComeOutAsOthersSay) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run_duty(GetParam()), testing::ExitedWithCode(0), "^$");
}

INSTANTIATE_TEST_SUITE_P(Duties, GoldenDeathTest, testing::ValuesIn(kDuties),
                         [](const auto& duty) { return std::string(duty.param); });

}  // namespace
}  // namespace pssst::net
